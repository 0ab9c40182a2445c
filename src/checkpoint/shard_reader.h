#pragma once
// One shard file of a checkpoint, open for reading: verifies each slab before its first use.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/file_sums.h"
#include "checkpoint/hdf5_handle.h"
#include "checkpoint/sharded_tensor.h"

namespace r1::checkpoint {

struct ReadCounts {
  std::int64_t bytes_read = 0;
  std::int64_t bytes_verified = 0;
};

/// A part of a dataset, and where it goes.
struct ShardPart {
  std::string dataset;
  std::vector<std::int64_t> shape;  // that the dataset is expected to have
  Box box;                          // in coordinates of the dataset
  at::Tensor target;                // contiguous, on the CPU, shaped box.extent, of its dtype
};

class ShardReader {
 public:
  /// Checks size, the metadata's slabs and the file's identity. Throws: base::InputError.
  ShardReader(std::string folder, FileRecord record, ReadCounts& counts);

  void read(const ShardPart& part) { read(std::span(&part, 1)); }
  /// Reads parts of datasets; those that lie in one piece are read together, each byte of the file
  /// once. Throws: base::InputError naming file and dataset.
  void read(std::span<const ShardPart> parts);
  std::string blob(const std::string& name);

 private:
  void check_bytes(std::uint64_t begin, std::uint64_t end) const;
  void verify_bytes(std::uint64_t begin, std::uint64_t end);
  void read_bytes(std::vector<WantedBytes> wanted);
  std::optional<WantedBytes> read_by_hdf5_unless_in_one_piece(const ShardPart& part);

  std::string folder_;
  FileRecord record_;
  ReadCounts& counts_;
  std::vector<bool> verified_;  // per slab
  Hdf5Handle file_;
  std::string path_;
};

}  // namespace r1::checkpoint
