# NCCL's and the CUDA runtime's headers, from the virtual environment that holds LibTorch (nvidia/nccl, nvidia/cu13),
# or from the system. Headers alone: the program finds the functions at run time in the libraries that LibTorch's CUDA
# part loads (mpi/nccl_library.h), so NCCL is never there twice, and a start on CPUs loads neither.
#
# R1_CUDA   AUTO: with NCCL when the headers are found. ON: they must be. OFF: without.
set(R1_CUDA AUTO CACHE STRING "NCCL between GPUs: AUTO (when its headers are found), ON or OFF")
set_property(CACHE R1_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT R1_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "R1_CUDA is '${R1_CUDA}': expected AUTO, ON or OFF")
endif()

set(R1_HAVE_NCCL OFF)
if(NOT R1_CUDA STREQUAL "OFF")
  file(GLOB _r1_cuda_folders "${R1_TORCH_DIR}/../nvidia/cu*/include" "${R1_TORCH_DIR}/../nvidia/cuda_runtime/include")
  find_path(R1_NCCL_INCLUDE nccl.h HINTS "${R1_TORCH_DIR}/../nvidia/nccl/include")
  find_path(R1_CUDART_INCLUDE cuda_runtime.h
            HINTS ${_r1_cuda_folders} PATHS "$ENV{CUDA_HOME}/include" /usr/local/cuda/include)
  if(R1_NCCL_INCLUDE AND R1_CUDART_INCLUDE)
    set(R1_HAVE_NCCL ON)
  elseif(R1_CUDA STREQUAL "ON")
    message(FATAL_ERROR "R1_CUDA=ON: no nccl.h (R1_NCCL_INCLUDE='${R1_NCCL_INCLUDE}') or no cuda_runtime.h "
                        "(R1_CUDART_INCLUDE='${R1_CUDART_INCLUDE}'): use a LibTorch with CUDA (PyPI's has them beside "
                        "it in nvidia/), or name the folders")
  endif()
endif()
message(STATUS "NCCL: ${R1_HAVE_NCCL} (R1_CUDA=${R1_CUDA})")

# r1_use_nccl(SOURCE): the one file that includes NCCL's headers, when they are there.
function(r1_use_nccl source)
  if(R1_HAVE_NCCL)
    set_source_files_properties("${source}" PROPERTIES
      COMPILE_DEFINITIONS R1_HAVE_NCCL
      COMPILE_OPTIONS "-isystem${R1_NCCL_INCLUDE};-isystem${R1_CUDART_INCLUDE}"
      SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()
