#pragma once
// A copy in host memory of what this rank writes: taking it is the only stall of a save.
#include <ATen/core/Tensor.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/sharded_tensor.h"

namespace r1::checkpoint {

using Blobs = std::map<std::string, std::string>;

/// What a rank contributes to a checkpoint.
struct State {
  std::vector<ShardedTensor> tensors;
  Blobs blobs;  // of the run (configuration, versions, trainer state); rank 0's are written
};

/// A tensor as a whole.
struct TensorInfo {
  std::string name;
  std::vector<std::int64_t> shape;  // global
  at::ScalarType dtype;
};

/// One local box, contiguous in row-major order.
struct SnapshotPiece {
  std::size_t tensor;  // index into Snapshot::tensors()
  Box box;
  const std::byte* data;
  std::size_t bytes;
};

/// Owns the copy. take() may be called again once nobody reads the last one; the memory is reused.
/// Memory: the bytes of all boxes of replica 0, pinned when a view is on a GPU.
class Snapshot {
 public:
  /// Throws: base::InputError for a dtype that cannot be stored, base::InternalError for a name, an
  /// empty tensor or a view that does not fit.
  void take(const State& state);

  /// All tensors of the state, also those of which nothing is written here: the index checks that
  /// every one of them is covered.
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  const std::vector<SnapshotPiece>& pieces() const { return pieces_; }
  /// The values of a piece, shaped as its box, without a copy.
  at::Tensor values(const SnapshotPiece& piece) const;
  const Blobs& blobs() const { return blobs_; }
  /// False: this rank has no file to write.
  bool has_shard() const { return !pieces_.empty(); }

 private:
  at::Tensor memory_;  // [bytes] uint8
  std::vector<TensorInfo> tensors_;
  std::vector<SnapshotPiece> pieces_;
  Blobs blobs_;
};

}  // namespace r1::checkpoint
