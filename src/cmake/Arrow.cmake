# Arrow's C++ library from the folder of PyPI's pyarrow wheel, or from conda. Without it the program reads no Parquet.
#
# R1_ARROW          AUTO: when it is found. ON: it must be. OFF: without.
# R1_ARROW_DIR      folder of pyarrow (include/, libarrow.so.*, libparquet.so.*), or a prefix (include/, lib/); default: the
#                   project's virtual environment.
set(R1_ARROW "AUTO" CACHE STRING "AUTO, ON or OFF: read Parquet and Arrow files")
if(NOT R1_ARROW_DIR)
  file(GLOB _r1_arrow_candidates
       "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/pyarrow"
       "$ENV{VIRTUAL_ENV}/lib/python3*/site-packages/pyarrow")
  if(_r1_arrow_candidates)
    list(GET _r1_arrow_candidates 0 _r1_arrow_default)
  elseif(EXISTS "$ENV{CONDA_PREFIX}/include/parquet/arrow/reader.h")
    set(_r1_arrow_default "$ENV{CONDA_PREFIX}")
  endif()
  set(R1_ARROW_DIR "${_r1_arrow_default}" CACHE PATH "folder of pyarrow, or a prefix with Arrow's headers" FORCE)
endif()
file(GLOB _r1_arrow_library "${R1_ARROW_DIR}/libarrow.so.*[0-9]" "${R1_ARROW_DIR}/lib/libarrow.so")
file(GLOB _r1_parquet_library "${R1_ARROW_DIR}/libparquet.so.*[0-9]" "${R1_ARROW_DIR}/lib/libparquet.so")
set(R1_HAVE_ARROW OFF)
if(NOT R1_ARROW STREQUAL "OFF")
  if(EXISTS "${R1_ARROW_DIR}/include/parquet/arrow/reader.h" AND _r1_arrow_library AND _r1_parquet_library)
    set(R1_HAVE_ARROW ON)
  elseif(R1_ARROW STREQUAL "ON")
    message(FATAL_ERROR "R1_ARROW=ON: no Arrow in R1_ARROW_DIR='${R1_ARROW_DIR}': pip install pyarrow into .venv")
  endif()
endif()
message(STATUS "Parquet: ${R1_HAVE_ARROW} (R1_ARROW=${R1_ARROW})")

# r1_arrow_module(NAME): src/data/arrow_module.cpp as a shared library beside the programs that load it. Nothing else is
# linked to Arrow, whose libraries bring their own copies of what LibTorch's bring too.
function(r1_arrow_module name)
  add_library(${name} SHARED "${PROJECT_SOURCE_DIR}/src/data/arrow_module.cpp")
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_include_directories(${name} SYSTEM PRIVATE "${R1_ARROW_DIR}/include")
  list(GET _r1_arrow_library 0 arrow)
  list(GET _r1_parquet_library 0 parquet)
  get_filename_component(folder "${arrow}" DIRECTORY)
  target_link_libraries(${name} PRIVATE r1_warnings r1_base r1_data "${arrow}" "${parquet}")
  target_link_options(${name} PRIVATE "-Wl,-rpath,${folder}" "-Wl,--exclude-libs,ALL")
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
endfunction()
