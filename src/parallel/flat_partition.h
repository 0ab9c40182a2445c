#pragma once
// How parameters lie one behind the other in buckets, and which part of them each rank owns (ZeRO).
// Arithmetic alone.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace r1::parallel {

/// Elements [begin, begin + size) of a parameter, in row-major order, which this rank owns. They
/// lie at `offset` of what it owns of all parameters. A rank owns one range of a parameter, or
/// none.
struct OwnedRange {
  std::size_t parameter;
  std::int64_t begin;
  std::int64_t size;
  std::int64_t offset;
};

/// Whole parameters of one dtype, which are reduced or gathered in one call.
struct FlatBucket {
  std::size_t first_parameter = 0;
  std::size_t num_parameters = 0;
  std::int64_t begin = 0;        // in the flat buffer of all parameters
  std::int64_t size = 0;         // with padding
  std::int64_t owned_begin = 0;  // of this rank's part in what it owns
};

/// Parameters in the given order, cut into buckets. Each bucket is padded to a multiple of the
/// owners' number and owner r has its r-th part: then it is one reduce-scatter or all-gather of
/// equal pieces, and ranks own equally much. Reference: Rajbhandari et al., arXiv 1910.02054.
class FlatPartition {
 public:
  /// A bucket ends at `bucket_bytes`, counted in elements of `element_bytes`, but holds at least
  /// one parameter. One owner: it owns everything, and nothing is padded.
  FlatPartition(std::span<const at::Tensor> parameters, std::int64_t bucket_bytes,
                std::int64_t element_bytes, int num_owners, int owner);

  /// Last parameters first: the order in which backward reaches them.
  const std::vector<FlatBucket>& buckets() const { return buckets_; }
  std::size_t bucket_of(std::size_t parameter) const { return bucket_of_[parameter]; }
  /// Where a parameter begins in its bucket.
  std::int64_t offset_in_bucket(std::size_t parameter) const { return offsets_[parameter]; }
  /// In order of parameters.
  const std::vector<OwnedRange>& owned() const { return owned_; }
  /// Elements of all buckets, and of what this rank owns, with padding.
  std::int64_t size() const { return size_; }
  std::int64_t owned_size() const { return size_ / num_owners_; }
  int num_owners() const { return num_owners_; }

 private:
  void make_buckets(std::span<const at::Tensor> parameters, std::int64_t most_elements);
  void find_owned(std::span<const at::Tensor> parameters, int owner);

  int num_owners_;
  std::vector<FlatBucket> buckets_;
  std::vector<std::size_t> bucket_of_;
  std::vector<std::int64_t> offsets_;
  std::vector<OwnedRange> owned_;
  std::int64_t size_ = 0;
};

}  // namespace r1::parallel
