#include "nn/attention_metadata.h"

#include <ATen/ATen.h>

#include <limits>

#include "base/errors.h"

namespace r1::nn {
namespace {

/// The mask of one prefix and its continuations: causal, and nothing between different
/// continuations.
at::Tensor shared_prefix_mask(const std::vector<Segment>& segments, std::size_t first,
                              std::size_t last, at::TensorOptions options) {
  const std::int64_t start = segments[first].start;
  const std::int64_t length = segments[last - 1].start + segments[last - 1].length - start;
  const std::int64_t prefix = segments[first].length;
  auto mask = at::full({length, length}, -std::numeric_limits<double>::infinity(), options);
  mask.slice(1, 0, prefix).slice(0, prefix).zero_();
  for (std::size_t s = first; s < last; ++s) {
    const std::int64_t begin = segments[s].start - start;
    auto own = mask.narrow(0, begin, segments[s].length).narrow(1, begin, segments[s].length);
    own.masked_fill_(at::ones_like(own, at::kBool).tril(), 0.0);
  }
  return mask;
}

}  // namespace

PackedAttention make_packed_attention(const std::vector<Segment>& segments, at::ScalarType dtype,
                                      at::Device device) {
  PackedAttention packed;
  std::int64_t next = 0;
  for (std::size_t first = 0, last = 0; first < segments.size(); first = last) {
    R1_CHECK(segments[first].prefix < 0, "segment {} follows no prefix", first);
    for (last = first; last < segments.size() && (last == first || segments[last].prefix >= 0);
         ++last) {
      const Segment& segment = segments[last];
      R1_CHECK(segment.start == next && segment.length > 0,
               "segment {} does not follow the one before", last);
      R1_CHECK(segment.prefix < 0 || segment.prefix == static_cast<std::int64_t>(first),
               "segment {} has prefix {}, which is not right before it", last, segment.prefix);
      next += segment.length;
    }
    AttentionRun run{next - segments[first].start, {}};
    if (last - first > 1)
      run.mask = shared_prefix_mask(segments, first, last, at::TensorOptions(device).dtype(dtype));
    packed.runs.push_back(std::move(run));
  }
  return packed;
}

}  // namespace r1::nn
