#include "checkpoint/file_dtype.h"

#include <array>
#include <bit>

#include "base/errors.h"

namespace r1::checkpoint {
namespace {

static_assert(std::endian::native == std::endian::little, "datasets are written byte for byte");

struct Row {
  at::ScalarType dtype;
  const char* name;
};
constexpr std::array<Row, 7> kTable{{{at::kDouble, "fp64"},
                                     {at::kFloat, "fp32"},
                                     {at::kBFloat16, "bf16"},
                                     {at::kHalf, "fp16"},
                                     {at::kLong, "int64"},
                                     {at::kInt, "int32"},
                                     {at::kByte, "uint8"}}};

Hdf5Handle binary16() {
  auto type = check_handle(H5Tcopy(H5T_IEEE_F32LE), "binary16");
  check_hdf5(H5Tset_fields(type, 15, 10, 5, 0, 10), "binary16");
  check_hdf5(H5Tset_size(type, 2), "binary16");
  check_hdf5(H5Tset_ebias(type, 15), "binary16");
  return type;
}

}  // namespace

std::string file_dtype_name(at::ScalarType dtype, const std::string& tensor) {
  for (const auto& row : kTable)
    if (row.dtype == dtype) return row.name;
  throw base::InputError(fmt::format(
      "tensor '{}': dtype {} cannot be stored, expected one of fp64, fp32, bf16, fp16, int64, "
      "int32, uint8",
      tensor, c10::toString(dtype)));
}

at::ScalarType parse_file_dtype(const std::string& name, const std::string& where) {
  for (const auto& row : kTable)
    if (name == row.name) return row.dtype;
  throw base::InputError(fmt::format("{}: unknown dtype '{}'", where, name));
}

Hdf5Handle file_type(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return check_handle(H5Tcopy(H5T_IEEE_F64LE), "H5Tcopy");
    case at::kFloat:
      return check_handle(H5Tcopy(H5T_IEEE_F32LE), "H5Tcopy");
    case at::kHalf:
      return binary16();
    case at::kBFloat16:
      return check_handle(H5Tcopy(H5T_STD_U16LE), "H5Tcopy");
    case at::kLong:
      return check_handle(H5Tcopy(H5T_STD_I64LE), "H5Tcopy");
    case at::kInt:
      return check_handle(H5Tcopy(H5T_STD_I32LE), "H5Tcopy");
    default:
      return check_handle(H5Tcopy(H5T_STD_U8LE), "H5Tcopy");
  }
}

}  // namespace r1::checkpoint
