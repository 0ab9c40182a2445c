#include "checkpoint/shard_writer.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/errors.h"
#include "checkpoint/file_dtype.h"
#include "checkpoint/kill_point.h"
#include "checkpoint/posix_file.h"

namespace r1::checkpoint {
namespace {

// Written and summed at a time, while it is in the cache.
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
// Object header, link and two attributes of a dataset, generously; and of the file.
constexpr std::uint64_t kMetadataPerDataset = 2048;
constexpr std::uint64_t kMetadataPerFile = 256 << 10;

struct PlacedPiece {
  std::uint64_t offset;  // bytes in the file
  const std::byte* data;
  std::size_t bytes;
};

// Boxes of a tensor are disjoint, so its offset names a box.
std::string dataset_name(const std::string& tensor, const Box& box) {
  return fmt::format("{}@{}", tensor, fmt::join(box.offset, ","));
}

void reserve_before_metadata(hid_t file, const Snapshot& snapshot, const std::string& path) {
  void* descriptor = nullptr;
  check_hdf5(H5Fget_vfd_handle(file, H5P_DEFAULT, &descriptor), path);
  std::uint64_t bytes = kMetadataPerFile;
  for (const auto& piece : snapshot.pieces()) bytes += piece.bytes + kMetadataPerDataset;
  reserve_space(*static_cast<int*>(descriptor), bytes, path);
}

// Creates the dataset of a box; returns where its data lie.
std::uint64_t place(hid_t file, const ShardEntry& entry, at::ScalarType dtype,
                    const std::string& path) {
  const auto what = fmt::format("{}: {}", path, entry.dataset);
  const auto properties = dataset_properties();
  check_hdf5(H5Pset_layout(properties, H5D_CONTIGUOUS), what);
  check_hdf5(H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY), what);
  check_hdf5(H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER), what);
  const auto space = make_space(stored_box(entry.box).extent);
  const auto dataset = check_handle(H5Dcreate2(file, entry.dataset.c_str(), file_type(dtype), space,
                                               link_properties(), properties, H5P_DEFAULT),
                                    what);
  write_tensor_attributes(dataset, entry.box.extent, dtype);
  const haddr_t offset = H5Dget_offset(dataset);
  if (offset == HADDR_UNDEF) throw_hdf5_error(what + ": has no place in the file");
  return offset;
}

std::vector<PlacedPiece> lay_out(const std::string& path, const Snapshot& snapshot,
                                 const Identity& identity, ShardDescription& description) {
  const Hdf5Section section;
  auto file = create_hdf5(path);
  reserve_before_metadata(file, snapshot, path);
  write_identity(file, kShardType, identity);
  description.tensors = snapshot.tensors();
  std::vector<PlacedPiece> placed;
  for (const auto& piece : snapshot.pieces()) {
    const auto& tensor = description.tensors[piece.tensor];
    const auto& entry = description.entries.emplace_back(
        ShardEntry{piece.tensor, dataset_name(tensor.name, piece.box), piece.box});
    placed.push_back({place(file, entry, tensor.dtype, path), piece.data, piece.bytes});
  }
  file.close(path + ": cannot close");
  std::sort(placed.begin(), placed.end(),
            [](const PlacedPiece& a, const PlacedPiece& b) { return a.offset < b.offset; });
  return placed;
}

// Metadata between the pieces, as HDF5 wrote it.
void sum_gap(const PosixFile& file, std::uint64_t end, SlabSummer& summer) {
  std::vector<std::byte> buffer(kChunkBytes);
  while (summer.position() < end) {
    const auto bytes = std::min<std::uint64_t>(buffer.size(), end - summer.position());
    file.read_at(summer.position(), buffer.data(), bytes);
    summer.add(buffer.data(), bytes);
  }
}

FileRecord write_data(PosixFile& file, const std::vector<PlacedPiece>& placed, std::int64_t step) {
  const std::uint64_t size = file.size();
  reserve_space(file.descriptor(), size, file.path());
  test_kill_point("before-data", step);
  SlabSummer summer;
  bool half_done = false;
  for (const auto& piece : placed) {
    sum_gap(file, piece.offset, summer);
    for (std::size_t done = 0; done < piece.bytes;) {
      const auto bytes = std::min(kChunkBytes, piece.bytes - done);
      file.write_at(piece.offset + done, piece.data + done, bytes);
      summer.add(piece.data + done, bytes);
      done += bytes;
      if (!half_done && summer.position() > size / 2) test_kill_point("half-shard", step);
      half_done = summer.position() > size / 2;
    }
  }
  sum_gap(file, size, summer);
  file.truncate(size);
  file.sync();
  return summer.finish(std::filesystem::path(file.path()).filename().string());
}

}  // namespace

ShardDescription write_shard(const std::string& path, const Snapshot& snapshot,
                             const Identity& identity) {
  try {
    ShardDescription description;
    const auto placed = lay_out(path, snapshot, identity, description);
    PosixFile file(path, PosixFile::Mode::Update);
    description.file = write_data(file, placed, identity.step);
    return description;
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
}

}  // namespace r1::checkpoint
