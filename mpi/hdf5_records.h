#pragma once
// Records in an HDF5 file: one dataset a field, one row a record.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/record_reader.h"

namespace r1::mpi {

/// Reads the one-dimensional datasets at the root of `path`: texts (fixed or variable length),
/// integers and floating point numbers, named as the records' fields and of equal length (as h5py
/// and pandas' column stores write them). A row with text that is no UTF-8 is a bad line; `line` is
/// its row, from 1. Throws: InputError naming file and dataset, and beyond the limit of bad lines.
std::vector<nlohmann::json> read_hdf5_records(const std::string& path,
                                              const data::RecordLimits& limits,
                                              std::vector<data::BadLine>& bad_lines);

}  // namespace r1::mpi
