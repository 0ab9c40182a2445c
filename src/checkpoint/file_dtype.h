#pragma once
// How each dtype lies in our HDF5 files.
//
// | dtype attribute | ATen            | stored as                              |
// | fp64, fp32      | Double, Float   | IEEE little-endian                     |
// | fp16            | Half            | IEEE binary16 (h5py reads it as float16) |
// | bf16            | BFloat16        | uint16, the bits                       |
// | int64, int32    | Long, Int       | little-endian                          |
// | uint8           | Byte            |                                        |
#include <ATen/core/Tensor.h>

#include <string>

#include "checkpoint/hdf5_handle.h"

namespace r1::checkpoint {

/// Attribute text. Throws: base::InputError naming `tensor` for a dtype that is not stored.
std::string file_dtype_name(at::ScalarType dtype, const std::string& tensor);
/// The reverse. Throws: base::InputError naming `where`.
at::ScalarType parse_file_dtype(const std::string& name, const std::string& where);
/// The HDF5 type, equal in file and memory: bytes are never converted.
Hdf5Handle file_type(at::ScalarType dtype);

}  // namespace r1::checkpoint
