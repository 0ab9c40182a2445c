# R1::flint: exact numbers. FLINT 2 of Debian 12 comes with Arb, Antic and Calcium as libraries of their own, FLINT 3
# (conda-forge, newer distributions) holds them all.
find_path(R1_FLINT_INCLUDE flint/fmpz.h REQUIRED)
find_library(R1_FLINT_LIBRARY flint REQUIRED)
add_library(R1::flint INTERFACE IMPORTED)
target_include_directories(R1::flint SYSTEM INTERFACE ${R1_FLINT_INCLUDE})
if(NOT EXISTS "${R1_FLINT_INCLUDE}/flint/ca.h")
  find_library(R1_CALCIUM_LIBRARY calcium REQUIRED)
  find_library(R1_ARB_LIBRARY NAMES flint-arb arb REQUIRED)
  find_library(R1_ANTIC_LIBRARY antic REQUIRED)
  target_link_libraries(R1::flint INTERFACE ${R1_CALCIUM_LIBRARY} ${R1_ARB_LIBRARY} ${R1_ANTIC_LIBRARY})
endif()
target_link_libraries(R1::flint INTERFACE ${R1_FLINT_LIBRARY})
