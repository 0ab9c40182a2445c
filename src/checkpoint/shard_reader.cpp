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

bool is_in_one_piece(const std::vector<std::int64_t>& shape, const Box& part) {
  std::size_t dim = 0;
  while (dim < shape.size() && part.extent[dim] == 1) ++dim;  // of one element each
  for (++dim; dim < shape.size(); ++dim)
    if (part.extent[dim] != shape[dim]) return false;
  return true;
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

void ShardReader::check_bytes(std::uint64_t begin, std::uint64_t end) const {
  if (begin > end || end > record_.size)
    throw base::InputError(
        fmt::format("{}: data at byte {} lie behind the end at {}", path_, end, record_.size));
}

void ShardReader::verify_bytes(std::uint64_t begin, std::uint64_t end) {
  check_bytes(begin, end);
  std::vector<WantedBytes> wanted;  // the first byte of each slab, for the sake of its sum
  for (auto slab = begin / kSlabBytes; slab * kSlabBytes < end; ++slab)
    if (!verified_[slab]) wanted.push_back({slab * kSlabBytes, slab * kSlabBytes + 1, nullptr});
  read_bytes(std::move(wanted));
}

void ShardReader::read_bytes(std::vector<WantedBytes> wanted) {
  if (wanted.empty()) return;
  counts_.bytes_verified +=
      static_cast<std::int64_t>(read_verified(folder_, record_, std::move(wanted), verified_));
}

void ShardReader::read(std::span<const ShardPart> parts) {
  std::vector<WantedBytes> wanted;
  {
    const Hdf5Section section;
    for (const auto& part : parts)
      if (const auto bytes = read_by_hdf5_unless_in_one_piece(part)) wanted.push_back(*bytes);
  }
  std::sort(wanted.begin(), wanted.end(),
            [](const WantedBytes& a, const WantedBytes& b) { return a.begin < b.begin; });
  read_bytes(std::move(wanted));
  for (const auto& part : parts)
    counts_.bytes_read += static_cast<std::int64_t>(part.target.nbytes());
}

std::optional<WantedBytes> ShardReader::read_by_hdf5_unless_in_one_piece(const ShardPart& part) {
  const auto& [dataset, expected, box, target] = part;
  const auto what = fmt::format("{}: {}", path_, dataset);
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
  const auto [begin, end] = byte_span(shape, box, target.element_size());
  if (is_in_one_piece(shape, box)) {
    check_bytes(start + begin, start + end);
    return WantedBytes{start + begin, start + end, static_cast<char*>(target.data_ptr())};
  }
  verify_bytes(start + begin, start + end);
  const auto file_space = check_handle(H5Dget_space(source), what);
  select_box(file_space, box.offset, box.extent);
  const auto memory_space = make_space(box.extent);
  check_hdf5(H5Dread(source, type, memory_space, file_space, H5P_DEFAULT, target.data_ptr()), what);
  return std::nullopt;
}

std::string ShardReader::blob(const std::string& name) {
  const Hdf5Section section;
  return read_blob(file_, name, path_);
}

}  // namespace r1::checkpoint
