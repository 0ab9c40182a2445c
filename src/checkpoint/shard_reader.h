#pragma once
// One shard file of a checkpoint, open for reading: verifies each slab before its first use.
#include <ATen/core/Tensor.h>

#include <cstdint>
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

class ShardReader {
 public:
  /// Checks size, the metadata's slabs and the file's identity. Throws: base::InputError.
  ShardReader(std::string folder, FileRecord record, ReadCounts& counts);

  /// Reads `part` (in coordinates of the dataset) into `target`, contiguous on the CPU, shaped
  /// part.extent, of the dataset's dtype. `expected` is the dataset's shape.
  void read(const std::string& dataset, const std::vector<std::int64_t>& expected, const Box& part,
            const at::Tensor& target);
  std::string blob(const std::string& name);

 private:
  void verify_bytes(std::uint64_t begin, std::uint64_t end);

  std::string folder_;
  FileRecord record_;
  ReadCounts& counts_;
  std::vector<bool> verified_;  // per slab
  Hdf5Handle file_;
  std::string path_;
};

}  // namespace r1::checkpoint
