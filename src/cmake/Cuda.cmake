# The CUDA language for src/kernels/cuda: our own kernels, in the library r1mpi_cuda, which the program loads when a run
# computes on GPUs (src/kernels/cuda_library.h). Without a CUDA compiler the program is whole, and runs on GPUs with
# torch's operations alone.
#
# R1_CUDA (Nccl.cmake)   AUTO: kernels when a compiler is found. ON: there must be one. OFF: without.
# The compiler is that of PATH, CUDACXX or /usr/local/cuda, or PyPI's nvidia-cuda-nvcc beside LibTorch.
set(R1_HAVE_KERNELS OFF)
if(NOT R1_CUDA STREQUAL "OFF")
  find_program(R1_NVCC nvcc HINTS ENV CUDA_HOME PATHS /usr/local/cuda "${R1_TORCH_DIR}/../nvidia/cu13" PATH_SUFFIXES bin)
  find_path(R1_CUDART_INCLUDE cuda_runtime.h
            HINTS ${_r1_cuda_folders} PATHS "$ENV{CUDA_HOME}/include" /usr/local/cuda/include)
  if(R1_NVCC AND NOT DEFINED CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    set(CMAKE_CUDA_COMPILER "${R1_NVCC}")
  endif()
  # A100, and H100/H200 with their own instructions; newer GPUs compile A100's PTX.
  set(CMAKE_CUDA_ARCHITECTURES "80-real;80-virtual;90a-real")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER AND R1_CUDART_INCLUDE AND EXISTS "${R1_TORCH_DIR}/lib/libtorch_cuda.so")
    enable_language(CUDA)
    set(R1_HAVE_KERNELS ON)
  elseif(R1_CUDA STREQUAL "ON")
    message(FATAL_ERROR "R1_CUDA=ON: no CUDA compiler (CUDACXX, PATH, /usr/local/cuda, or PyPI's nvidia-cuda-nvcc), or a "
                        "LibTorch without CUDA in '${R1_TORCH_DIR}'")
  endif()
endif()
message(STATUS "CUDA kernels: ${R1_HAVE_KERNELS} (R1_CUDA=${R1_CUDA})")

# r1_cuda_library(NAME): the shared library of src/kernels/cuda, beside the programs that load it. Its symbols that are
# not found in it come from the CUDA libraries that LibTorch loads, so none is there twice.
function(r1_cuda_library name)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/kernels/cuda/*.cu" "${PROJECT_SOURCE_DIR}/src/kernels/cuda/*.cpp")
  add_library(${name} SHARED ${sources})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_include_directories(${name} SYSTEM PRIVATE "${R1_CUDART_INCLUDE}")
  set_target_properties(${name} PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_RUNTIME_LIBRARY Shared
                        LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr -lineinfo>
                         $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${R1_WERROR}>>:-Werror=all-warnings>
                         $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter>)
  target_link_libraries(${name} PRIVATE r1::torch_cpu "${R1_TORCH_DIR}/lib/libtorch_cuda.so" "${R1_TORCH_DIR}/lib/libc10_cuda.so")
endfunction()
