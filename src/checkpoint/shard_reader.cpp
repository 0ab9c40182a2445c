#include "checkpoint/shard_reader.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/errors.h"
#include "checkpoint/file_dtype.h"
#include "checkpoint/shard_format.h"

namespace r1::checkpoint {
namespace {

// Bytes from the first to the last element of `part` within a row-major dataset.
std::pair<std::uint64_t, std::uint64_t> byte_span(const std::vector<std::int64_t>& shape,
                                                  const Box& part, std::uint64_t item) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  for (std::size_t dim = 0; dim < shape.size(); ++dim) {
    const auto extent = static_cast<std::uint64_t>(shape[dim]);
    first = first * extent + static_cast<std::uint64_t>(part.offset[dim]);
    last = last * extent + static_cast<std::uint64_t>(part.offset[dim] + part.extent[dim] - 1);
  }
  return {first * item, (last + 1) * item};
}

}  // namespace

ShardReader::ShardReader(std::string folder, FileRecord record, ReadCounts& counts)
    : folder_(std::move(folder)),
      record_(std::move(record)),
      counts_(counts),
      verified_(record_.slabs.size(), false),
      path_((std::filesystem::path(folder_) / record_.name).string()) {
  check_size(folder_, record_);
  // Superblock and root group; the metadata of a dataset is checked with the dataset's own slabs
  // and by HDF5's checksums of object headers.
  verify_bytes(0, std::min<std::uint64_t>(record_.size, 1));
  const Hdf5Section section;
  file_ = open_hdf5(path_);
  check_identity(file_, kShardType, path_);
}

void ShardReader::verify_bytes(std::uint64_t begin, std::uint64_t end) {
  if (end > record_.size)
    throw base::InputError(
        fmt::format("{}: data at byte {} lie behind the end at {}", path_, end, record_.size));
  if (begin == end) return;
  for (std::size_t slab = begin / kSlabBytes; slab <= (end - 1) / kSlabBytes; ++slab) {
    if (verified_[slab]) continue;
    verify_slabs(folder_, record_, slab, slab);
    verified_[slab] = true;
    counts_.bytes_verified +=
        static_cast<std::int64_t>(std::min(kSlabBytes, record_.size - slab * kSlabBytes));
  }
}

void ShardReader::read(const std::string& dataset, const std::vector<std::int64_t>& expected,
                       const Box& part, const at::Tensor& target) {
  const auto what = fmt::format("{}: {}", path_, dataset);
  const Hdf5Section section;
  const hid_t id = H5Dopen2(file_, dataset.c_str(), H5P_DEFAULT);
  if (id < 0) throw base::InputError(fmt::format("{}: is not there", what));
  const Hdf5Handle source(id);
  const auto shape = dataset_shape(source, what);
  if (shape != expected)
    throw base::InputError(fmt::format("{}: shape [{}], expected [{}]", what,
                                       fmt::join(shape, ", "), fmt::join(expected, ", ")));
  const auto type = file_type(target.scalar_type());
  const auto found = check_handle(H5Dget_type(source), what);
  const haddr_t start = H5Dget_offset(source);
  if (H5Tequal(found, type) <= 0 || start == HADDR_UNDEF)
    throw base::InputError(fmt::format("{}: is not a contiguous dataset of {}", what,
                                       c10::toString(target.scalar_type())));
  const auto [begin, end] = byte_span(shape, part, target.element_size());
  verify_bytes(start + begin, start + end);
  const auto file_space = check_handle(H5Dget_space(source), what);
  select_box(file_space, part.offset, part.extent);
  const auto memory_space = make_space(part.extent);
  check_hdf5(H5Dread(source, type, memory_space, file_space, H5P_DEFAULT, target.data_ptr()), what);
  counts_.bytes_read += static_cast<std::int64_t>(target.nbytes());
}

std::string ShardReader::blob(const std::string& name) {
  const Hdf5Section section;
  return read_blob(file_, name, path_);
}

}  // namespace r1::checkpoint
