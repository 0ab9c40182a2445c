#include "models/shard_stream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>

#include "base/errors.h"
#include "models/safetensors_source.h"

namespace r1::models {

std::vector<checkpoint::SafetensorsEntry> safetensors_entries(const TensorList& list) {
  std::vector<checkpoint::SafetensorsEntry> entries;
  for (std::size_t i = 0; i < list.size(); ++i)
    entries.push_back({list[i].name, safetensors_dtype(list[i].dtype), list[i].shape});
  return entries;
}

ShardStream::ShardStream(std::string folder, std::vector<checkpoint::SafetensorsShard> shards,
                         const TensorList& list)
    : folder_(std::move(folder)),
      shards_(std::make_move_iterator(shards.begin()), std::make_move_iterator(shards.end())),
      list_(list) {}

void ShardStream::put(const parallel::TensorBox& box, const at::Tensor& values) {
  if (error_) return;
  try {
    auto found = arriving_.find(box.tensor);
    if (found == arriving_.end()) {
      const auto& tensor = list_[box.tensor];
      Arriving arriving{at::empty(tensor.shape, tensor.dtype), 0};
      arriving.missing = arriving.values.numel();
      bytes_ += static_cast<std::int64_t>(arriving.values.nbytes());
      most_bytes_ = std::max(most_bytes_, bytes_);
      found = arriving_.emplace(box.tensor, std::move(arriving)).first;
    }
    parallel::part_of_tensor(found->second.values, box.box.offset, box.box.extent).copy_(values);
    found->second.missing -= values.numel();
    write_complete_tensors();
  } catch (...) {
    error_ = std::current_exception();
    writer_.reset();
    arriving_.clear();
  }
}

void ShardStream::start_shard() {
  const auto& shard = shards_.front();
  writer_ =
      std::make_unique<checkpoint::SafetensorsWriter>(folder_ + "/" + shard.file, shard.entries);
  next_entry_ = 0;
}

void ShardStream::write_complete_tensors() {
  while (!shards_.empty()) {
    if (!writer_) start_shard();
    const auto& entry = shards_.front().entries[next_entry_];
    const auto found = arriving_.find(list_.index(entry.name));
    if (found == arriving_.end() || found->second.missing > 0) return;
    const auto& values = found->second.values;
    writer_->write(entry.name,
                   {static_cast<const std::byte*>(values.const_data_ptr()), values.nbytes()});
    bytes_ -= static_cast<std::int64_t>(values.nbytes());
    arriving_.erase(found);
    if (++next_entry_ < shards_.front().entries.size()) continue;
    writer_->finish();
    writer_.reset();
    shards_.pop_front();
  }
}

void ShardStream::finish() {
  if (error_) std::rethrow_exception(error_);
  R1_CHECK(shards_.empty(), "{}: tensor {} did not arrive", shards_.front().file,
           shards_.front().entries[next_entry_].name);
}

}  // namespace r1::models
