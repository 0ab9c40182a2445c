#pragma once
// Flat layout of parameters in buckets, and the part of each bucket that a rank owns (ZeRO). Pure
// arithmetic.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace r1::parallel {

/// A unit is a part of a model whose weights are needed at the same time, such as a layer. Units
/// are numbered from 0 in the order of the forward pass. kNoUnit: outside all units.
inline constexpr std::int64_t kNoUnit = -1;

/// Elements [begin, begin + size) of a parameter, in row-major order, that this rank owns. `offset`
/// is the position of the range among all elements that the rank owns. A rank owns at most one
/// range of a parameter.
struct OwnedRange {
  std::size_t parameter;
  std::int64_t begin;
  std::int64_t size;
  std::int64_t offset;
};

/// Consecutive whole parameters of one dtype, which are reduced or gathered in one call.
struct FlatBucket {
  std::int64_t unit = kNoUnit;
  std::size_t first_parameter = 0;
  std::size_t num_parameters = 0;
  std::int64_t begin = 0;        // in the flat buffer of all parameters
  std::int64_t size = 0;         // including padding
  std::int64_t owned_begin = 0;  // this rank's part, among all owned elements
};

/// Parameters in the given order, cut into buckets. Each bucket is padded to a multiple of the
/// number of owners, and owner r has the r-th part. A bucket is therefore one reduce-scatter or
/// all-gather of equal pieces, and all ranks own the same number of elements. Reference:
/// Rajbhandari et al., arXiv 1910.02054.
class FlatPartition {
 public:
  /// A bucket ends when it reaches `bucket_bytes`, counted as elements of `element_bytes`, but
  /// holds at least one parameter. A single owner owns everything, and nothing is padded.
  FlatPartition(std::span<const at::Tensor> parameters, std::int64_t bucket_bytes,
                std::int64_t element_bytes, int num_owners, int owner);
  /// A bucket holds consecutive parameters of one unit, `units` by parameter. Each parameter begins
  /// at a multiple of 16 elements, so that a kernel may read the parameter where the gathered
  /// bucket holds it.
  FlatPartition(std::span<const at::Tensor> parameters, std::span<const std::int64_t> units,
                int num_owners, int owner);

  /// The last parameters come first, because the backward pass reaches the last parameters first.
  const std::vector<FlatBucket>& buckets() const { return buckets_; }
  std::size_t bucket_of(std::size_t parameter) const { return bucket_of_[parameter]; }
  /// Position of a parameter in the parameter's bucket.
  std::int64_t offset_in_bucket(std::size_t parameter) const { return offsets_[parameter]; }
  /// In the order of the parameters.
  const std::vector<OwnedRange>& owned() const { return owned_; }
  /// Elements of all buckets, and elements that this rank owns; both include padding.
  std::int64_t size() const { return size_; }
  std::int64_t owned_size() const { return size_ / num_owners_; }
  int num_owners() const { return num_owners_; }

 private:
  void make_buckets(std::span<const at::Tensor> parameters, std::span<const std::int64_t> units,
                    std::int64_t most_elements);
  std::int64_t aligned(std::int64_t size) const {
    return (size + alignment_ - 1) / alignment_ * alignment_;
  }
  void find_owned(std::span<const at::Tensor> parameters, int owner);

  int num_owners_;
  std::int64_t alignment_ = 1;  // elements
  std::vector<FlatBucket> buckets_;
  std::vector<std::size_t> bucket_of_;
  std::vector<std::int64_t> offsets_;
  std::vector<OwnedRange> owned_;
  std::int64_t size_ = 0;
};

}  // namespace r1::parallel
