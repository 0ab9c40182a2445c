#include "parallel/flat_partition.h"

#include <algorithm>
#include <limits>

namespace r1::parallel {
namespace {

constexpr std::int64_t kUnitAlignment = 16;  // elements; the widest loads of kernels are 16 bytes

}  // namespace

FlatPartition::FlatPartition(std::span<const at::Tensor> parameters, std::int64_t bucket_bytes,
                             std::int64_t element_bytes, int num_owners, int owner)
    : num_owners_(num_owners), bucket_of_(parameters.size()), offsets_(parameters.size()) {
  make_buckets(parameters, {}, std::max<std::int64_t>(1, bucket_bytes / element_bytes));
  find_owned(parameters, owner);
}

FlatPartition::FlatPartition(std::span<const at::Tensor> parameters,
                             std::span<const std::int64_t> units, int num_owners, int owner)
    : num_owners_(num_owners),
      alignment_(kUnitAlignment),
      bucket_of_(parameters.size()),
      offsets_(parameters.size()) {
  make_buckets(parameters, units, std::numeric_limits<std::int64_t>::max());
  find_owned(parameters, owner);
}

void FlatPartition::make_buckets(std::span<const at::Tensor> parameters,
                                 std::span<const std::int64_t> units, std::int64_t most_elements) {
  for (std::size_t i = parameters.size(); i-- > 0;) {
    const auto unit = units.empty() ? kNoUnit : units[i];
    const bool fits = !buckets_.empty() &&
                      buckets_.back().size + parameters[i].numel() <= most_elements &&
                      buckets_.back().unit == unit &&
                      parameters[i + 1].scalar_type() == parameters[i].scalar_type();
    if (!fits) buckets_.emplace_back();
    auto& bucket = buckets_.back();
    bucket.unit = unit;
    bucket.first_parameter = i;
    ++bucket.num_parameters;
    bucket.size += aligned(parameters[i].numel());
    bucket_of_[i] = buckets_.size() - 1;
  }
  for (auto bucket = buckets_.rbegin(); bucket != buckets_.rend(); ++bucket) {
    bucket->size = (bucket->size + num_owners_ - 1) / num_owners_ * num_owners_;
    bucket->begin = size_;
    bucket->owned_begin = size_ / num_owners_;
    size_ += bucket->size;
  }
}

void FlatPartition::find_owned(std::span<const at::Tensor> parameters, int owner) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& bucket = buckets_[bucket_of_[i]];
    if (i == bucket.first_parameter) offset = 0;
    offsets_[i] = offset;
    const auto part = bucket.size / num_owners_, part_begin = owner * part;
    const auto begin = std::max(offset, part_begin),
               end = std::min(offset + parameters[i].numel(), part_begin + part);
    if (begin < end)
      owned_.push_back({i, begin - offset, end - begin, bucket.owned_begin + begin - part_begin});
    offset += aligned(parameters[i].numel());
  }
}

}  // namespace r1::parallel
