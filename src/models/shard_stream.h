#pragma once
// Writes shards of a Hugging Face folder (safetensors) while boxes of their tensors arrive.
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/formats/safetensors_writer.h"
#include "models/model_boxes.h"

namespace r1::models {

/// The tensors of `list` as entries of safetensors files, in the order of the list.
std::vector<checkpoint::SafetensorsEntry> safetensors_entries(const TensorList& list);

/// The shards that one rank writes. In memory are only tensors of which boxes are missing, and
/// complete tensors behind them in the file.
class ShardStream {
 public:
  /// `shards` are written to `folder` in this order; their tensors are tensors of `list`, which
  /// must outlive this object.
  ShardStream(std::string folder, std::vector<checkpoint::SafetensorsShard> shards,
              const TensorList& list);

  /// Takes a box of a tensor of the shards. After an error of the file system, all further boxes
  /// are dropped, so that the other ranks can finish; finish() reports the error.
  void put(const parallel::TensorBox& box, const at::Tensor& values);
  /// Call after the last box. Throws: the error of put(): InputError or FileError if the file
  /// system refused; InternalError if boxes are missing.
  void finish();
  /// The most bytes of tensors that were in memory at a time.
  std::int64_t most_bytes() const { return most_bytes_; }

 private:
  struct Arriving {
    at::Tensor values;
    std::int64_t missing;  // elements
  };
  void write_complete_tensors();
  void start_shard();

  std::string folder_;
  std::deque<checkpoint::SafetensorsShard> shards_;  // the first is being written
  const TensorList& list_;
  std::unique_ptr<checkpoint::SafetensorsWriter> writer_;
  std::size_t next_entry_ = 0;
  std::map<std::size_t, Arriving> arriving_;  // by tensor
  std::int64_t bytes_ = 0, most_bytes_ = 0;
  std::exception_ptr error_;
};

}  // namespace r1::models
