#pragma once
// Records in an HDF5 file: one dataset per field, one row per record.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/record_reader.h"

namespace r1::mpi {

/// Reads the one-dimensional datasets at the root of `path`: texts (fixed or variable length),
/// integers and floating point numbers. The datasets have the names of the records' fields and
/// equal length, as written by h5py and by pandas' column stores. A row with text that is not valid
/// UTF-8 is a bad line, whose `line` is the row, from 1. Throws: InputError naming file and
/// dataset, and beyond the limit of bad lines.
std::vector<nlohmann::json> read_hdf5_records(const std::string& path,
                                              const data::RecordLimits& limits,
                                              std::vector<data::BadLine>& bad_lines);

}  // namespace r1::mpi
