#include "checkpoint/hdf5_handle.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/errors.h"
#include "base/files.h"

namespace r1::checkpoint {
namespace {

constexpr std::size_t kMaxAttributeBytes = 1 << 20;

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

// The innermost message says what the system refused; the outer ones repeat the call chain.
herr_t keep_innermost(unsigned depth, const H5E_error2_t* error, void* text) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

// What the system answered, as HDF5 writes it into its descriptions; 0: HDF5 itself refused.
int errno_in(const std::string& description) {
  constexpr std::string_view kMark = "errno = ";
  const auto at = description.find(kMark);
  return at == std::string::npos ? 0 : std::atoi(description.c_str() + at + kMark.size());
}

Hdf5Handle access_properties() {
  auto access = check_handle(H5Pcreate(H5P_FILE_ACCESS), "file access properties");
  // Locks fail or hang on many parallel file systems; a checkpoint is complete before it is read.
  check_hdf5(H5Pset_file_locking(access, false, true), "H5Pset_file_locking");
  check_hdf5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110), "H5Pset_libver_bounds");
  check_hdf5(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG), "H5Pset_fclose_degree");
  check_hdf5(H5Pset_alignment(access, 64 << 10, 4 << 10), "H5Pset_alignment");
  return access;
}

Hdf5Handle open_attribute(hid_t object, const char* name, H5T_class_t type_class,
                          const std::string& where) {
  if (H5Aexists(object, name) <= 0)
    throw base::InputError(fmt::format("{}: has no attribute '{}'", where, name));
  auto attribute = check_handle(H5Aopen(object, name, H5P_DEFAULT), where);
  const auto type = check_handle(H5Aget_type(attribute), where);
  const auto space = check_handle(H5Aget_space(attribute), where);
  if (H5Tget_class(type) != type_class || H5Sget_simple_extent_npoints(space) != 1 ||
      H5Tis_variable_str(type) > 0)
    throw base::InputError(fmt::format("{}: attribute '{}' has another type", where, name));
  return attribute;
}

}  // namespace

Hdf5Handle::~Hdf5Handle() {
  if (id_ < 0) return;
  const Hdf5Section section;
  H5Idec_ref(id_);
}

void Hdf5Handle::close(const std::string& what) {
  const Hdf5Section section;
  check_hdf5(H5Idec_ref(std::exchange(id_, H5I_INVALID_HID)), what);
}

Hdf5Section::Hdf5Section() : lock_(library_mutex()) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

void throw_hdf5_error(const std::string& what) {
  std::string reason = "HDF5 gave no reason";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &reason);
  if (const int error = errno_in(reason); error != 0)
    throw base::FileError(fmt::format("{}: {}", what, std::strerror(error)));
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  throw base::Hdf5Error(fmt::format("{}: {}", what, reason));
}

Hdf5Handle check_handle(hid_t id, const std::string& what) {
  return Hdf5Handle(check_hdf5(id, what));
}

Hdf5Handle open_hdf5(const std::string& path) {
  const base::InputFile checked(path);
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_properties());
  if (file < 0) throw base::InputError(fmt::format("{}: is not a readable HDF5 file", path));
  return Hdf5Handle(file);
}

Hdf5Handle create_hdf5(const std::string& path) {
  return check_handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access_properties()),
                      fmt::format("{}: cannot create", path));
}

Hdf5Handle link_properties() {
  auto properties = check_handle(H5Pcreate(H5P_LINK_CREATE), "link properties");
  check_hdf5(H5Pset_create_intermediate_group(properties, 1), "link properties");
  return properties;
}

Hdf5Handle dataset_properties() {
  auto properties = check_handle(H5Pcreate(H5P_DATASET_CREATE), "dataset properties");
  check_hdf5(H5Pset_obj_track_times(properties, false), "dataset properties");
  return properties;
}

void write_attribute(hid_t object, const char* name, const std::string& text) {
  const auto type = check_handle(H5Tcopy(H5T_C_S1), name);
  check_hdf5(H5Tset_size(type, std::max<std::size_t>(text.size(), 1)), name);
  check_hdf5(H5Tset_strpad(type, H5T_STR_NULLPAD), name);
  check_hdf5(H5Tset_cset(type, H5T_CSET_UTF8), name);
  const auto space = check_handle(H5Screate(H5S_SCALAR), name);
  const auto attribute =
      check_handle(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), name);
  check_hdf5(H5Awrite(attribute, type, text.empty() ? "" : text.data()), name);
}

void write_attribute(hid_t object, const char* name, std::int64_t value) {
  const auto space = check_handle(H5Screate(H5S_SCALAR), name);
  const auto attribute =
      check_handle(H5Acreate2(object, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT), name);
  check_hdf5(H5Awrite(attribute, H5T_NATIVE_INT64, &value), name);
}

std::string read_text_attribute(hid_t object, const char* name, const std::string& where) {
  const auto attribute = open_attribute(object, name, H5T_STRING, where);
  const auto type = check_handle(H5Aget_type(attribute), where);
  const std::size_t bytes = H5Tget_size(type);
  if (bytes > kMaxAttributeBytes)
    throw base::InputError(fmt::format("{}: attribute '{}' has {} bytes", where, name, bytes));
  std::string text(bytes, '\0');
  check_hdf5(H5Aread(attribute, type, text.data()), where);
  return text.substr(0, text.find('\0'));
}

std::int64_t read_integer_attribute(hid_t object, const char* name, const std::string& where) {
  const auto attribute = open_attribute(object, name, H5T_INTEGER, where);
  std::int64_t value = 0;
  check_hdf5(H5Aread(attribute, H5T_NATIVE_INT64, &value), where);
  return value;
}

std::vector<std::int64_t> dataset_shape(hid_t dataset, const std::string& what) {
  const auto space = check_handle(H5Dget_space(dataset), what);
  const int ndim = check_hdf5(H5Sget_simple_extent_ndims(space), what);
  std::vector<hsize_t> extent(static_cast<std::size_t>(ndim));
  check_hdf5(H5Sget_simple_extent_dims(space, extent.data(), nullptr), what);
  return {extent.begin(), extent.end()};
}

Hdf5Handle make_space(const std::vector<std::int64_t>& shape) {
  const std::vector<hsize_t> extent(shape.begin(), shape.end());
  return check_handle(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                      "H5Screate_simple");
}

void select_box(hid_t space, const std::vector<std::int64_t>& offset,
                const std::vector<std::int64_t>& extent) {
  const std::vector<hsize_t> start(offset.begin(), offset.end());
  const std::vector<hsize_t> count(extent.begin(), extent.end());
  check_hdf5(
      H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
      "H5Sselect_hyperslab");
}

}  // namespace r1::checkpoint
