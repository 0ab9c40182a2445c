#pragma once
// Reads a checkpoint folder: any box of any tensor, whatever layout wrote it, and never a byte that
// the manifest does not vouch for.
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/sharded_tensor.h"
#include "checkpoint/snapshot.h"

namespace r1::checkpoint {

/// When CRCs are compared: of each slab before its first use, or of all files in the constructor.
enum class Verify { WhatIsRead, Everything };

struct LoadOptions {
  bool allow_missing = false;  // a tensor that the checkpoint lacks keeps its value
  bool allow_cast = false;     // another dtype in the file is converted
};

struct LoadReport {
  std::vector<std::string> missing;  // asked for, not in the checkpoint
  std::vector<std::string> unknown;  // in the checkpoint, not asked for
};

/// Existence, size and identity of all files, and CRCs of those whose number modulo `parts` is
/// `part`, so that ranks can share the work. Throws: base::InputError naming the file and why.
void verify_checkpoint(const std::string& folder, int part = 0, int parts = 1);

/// Not thread-safe. Memory: at most 256 MiB besides the views that it fills.
class CheckpointReader {
 public:
  /// Reads manifest and index. Throws: base::InputError when a file is missing, short, damaged or
  /// not ours.
  explicit CheckpointReader(std::string folder, Verify verify = Verify::WhatIsRead);
  ~CheckpointReader();
  CheckpointReader(CheckpointReader&&) noexcept;

  const Manifest& manifest() const;
  const std::map<std::string, TensorInfo>& tensors() const;

  /// Fills `view` (shaped box.extent, any strides, any device) with that part of the tensor.
  /// Throws: base::InputError naming tensor, expected and found.
  void read(const std::string& name, const Box& box, const at::Tensor& view,
            bool allow_cast = false);
  /// The whole tensor, in the dtype of the file.
  at::Tensor read(const std::string& name);

  /// Fills every box of every tensor: the layout may differ from the one that saved. All misfits
  /// are reported in one error. Throws: base::InputError naming tensor, expected and found.
  LoadReport load(std::span<const ShardedTensor> tensors, const LoadOptions& options = {});

  std::vector<std::string> blob_names() const;
  std::string blob(const std::string& name) const;

  /// Bytes of tensors read so far, and bytes whose CRC was compared.
  std::int64_t bytes_read() const;
  std::int64_t bytes_verified() const;

 private:
  void collect(const std::string& name, const Box& box, const at::Tensor& view, bool allow_cast);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace r1::checkpoint
