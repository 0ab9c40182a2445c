#pragma once
// RAII handles over HDF5's C API (1.10 or newer, serial), its errors as exceptions, and attributes.
#include <hdf5.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace r1::checkpoint {

/// An owned HDF5 identifier of any kind.
class Hdf5Handle {
 public:
  Hdf5Handle() = default;
  explicit Hdf5Handle(hid_t id) : id_(id) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Hdf5Handle();
  hid_t id() const { return id_; }
  operator hid_t() const { return id_; }  // NOLINT: used wherever HDF5 takes an id

  /// Closes now and reports what the destructor would swallow. Throws: base::Hdf5Error,
  /// base::FileError.
  void close(const std::string& what);

 private:
  hid_t id_ = H5I_INVALID_HID;
};

/// Held by every function that calls HDF5: one caller at a time (the library need not be built
/// thread-safe) and no error printing of its own in this thread.
class Hdf5Section {
 public:
  Hdf5Section();

 private:
  std::lock_guard<std::recursive_mutex> lock_;
};

/// Throws with HDF5's own innermost description: base::FileError when the system had refused,
/// base::Hdf5Error otherwise.
[[noreturn]] void throw_hdf5_error(const std::string& what);

/// `what` names file and object. Returns the handle, or throws when HDF5 reported an error.
Hdf5Handle check_handle(hid_t id, const std::string& what);
/// For calls that return a status or a count.
template <class Status>
Status check_hdf5(Status status, const std::string& what) {
  if (status < 0) throw_hdf5_error(what);
  return status;
}

/// Opens for reading, without file locks. Throws: base::InputError when it is no HDF5 file.
Hdf5Handle open_hdf5(const std::string& path);
/// Creates or truncates, without file locks, in a format that HDF5 1.10 reads, objects of 64 KiB
/// and more on 4 KiB borders.
Hdf5Handle create_hdf5(const std::string& path);

/// Property lists: groups of a path are made as needed; no time stamps in objects.
Hdf5Handle link_properties();
Hdf5Handle dataset_properties();

void write_attribute(hid_t object, const char* name, const std::string& text);
void write_attribute(hid_t object, const char* name, std::int64_t value);
/// Throws: base::InputError naming `where` and the attribute when it is absent or of another type.
std::string read_text_attribute(hid_t object, const char* name, const std::string& where);
std::int64_t read_integer_attribute(hid_t object, const char* name, const std::string& where);

/// The extents of a dataset.
std::vector<std::int64_t> dataset_shape(hid_t dataset, const std::string& what);

/// A dataspace of this shape.
Hdf5Handle make_space(const std::vector<std::int64_t>& shape);
/// Selects a box of a dataspace of the same number of dims.
void select_box(hid_t space, const std::vector<std::int64_t>& offset,
                const std::vector<std::int64_t>& extent);

}  // namespace r1::checkpoint
