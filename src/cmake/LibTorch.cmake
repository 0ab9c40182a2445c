# Imported targets r1::torch_cpu (ATen, autograd) from the LibTorch that PyPI's torch wheel holds.
# find_package(Torch) is not used: it ends in a fatal error where no CUDA toolkit is installed.
#
# R1_TORCH_DIR   folder of a LibTorch (holds include/ and lib/); default: the project's virtual environment.
if(NOT R1_TORCH_DIR)
  file(GLOB _r1_torch_candidates
       "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch"
       "$ENV{VIRTUAL_ENV}/lib/python3*/site-packages/torch")
  if(_r1_torch_candidates)
    list(GET _r1_torch_candidates 0 _r1_torch_default)
  endif()
  set(R1_TORCH_DIR "${_r1_torch_default}" CACHE PATH "LibTorch folder (include/, lib/)" FORCE)
endif()
if(NOT EXISTS "${R1_TORCH_DIR}/include/ATen/ATen.h")
  message(FATAL_ERROR "no LibTorch in R1_TORCH_DIR='${R1_TORCH_DIR}': run jobscripts/build.sh, or pass "
                      "-DR1_TORCH_DIR=<site-packages>/torch of torch 2.11")
endif()

add_library(r1_torch_cpu INTERFACE)
# After the system's folders: the wheel ships copies of fmt and others that must not hide the installed ones.
target_compile_options(r1_torch_cpu INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-idirafter ${R1_TORCH_DIR}/include>")
target_link_libraries(r1_torch_cpu INTERFACE
  "${R1_TORCH_DIR}/lib/libtorch_cpu.so" "${R1_TORCH_DIR}/lib/libc10.so")
target_link_options(r1_torch_cpu INTERFACE "-Wl,-rpath,${R1_TORCH_DIR}/lib")
# Without OpenMP at::parallel_for compiles to a serial loop. LibTorch's own libgomp.so.1 is the one loaded.
target_compile_options(r1_torch_cpu INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fopenmp>)
target_link_options(r1_torch_cpu INTERFACE $<$<LINK_LANG_AND_ID:CXX,GNU>:-fopenmp>)
add_library(r1::torch_cpu ALIAS r1_torch_cpu)
