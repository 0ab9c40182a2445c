#include "nn/attention_metadata.h"

#include <ATen/ATen.h>

#include <algorithm>
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

/// Where the queries and the keys of segments end, segment by segment.
class SegmentEnds {
 public:
  void add(std::int64_t num_queries, std::int64_t num_keys) {
    queries_.push_back(queries_.back() + static_cast<std::int32_t>(num_queries));
    keys_.push_back(keys_.back() + static_cast<std::int32_t>(num_keys));
    longest_query_ = std::max(longest_query_, num_queries);
    longest_keys_ = std::max(longest_keys_, num_keys);
  }
  kernels::VariableLengths lengths(at::Device device) const {
    return {at::tensor(queries_, at::kInt).to(device), at::tensor(keys_, at::kInt).to(device),
            longest_query_, longest_keys_};
  }
  bool has_more_keys() const { return keys_.back() > queries_.back(); }

 private:
  std::vector<std::int32_t> queries_{0}, keys_{0};
  std::int64_t longest_query_ = 0, longest_keys_ = 0;
};

/// Pieces of sequences whose keys stand one behind another, piece by piece.
kernels::PackedAttention continued(const std::vector<ContinuedSegment>& segments,
                                   at::ScalarType dtype, at::Device device) {
  kernels::PackedAttention packed;
  if (kernels::takes_variable_lengths(dtype, device)) {
    SegmentEnds ends;
    for (const ContinuedSegment& segment : segments)
      ends.add(segment.length, segment.past + segment.length);
    packed.lengths = ends.lengths(device);
    return packed;
  }
  for (const ContinuedSegment& segment : segments) {
    packed.runs.push_back({segment.length, {}, segment.past});
  }
  return packed;
}

}  // namespace

kernels::PackedAttention make_packed_attention(const std::vector<Segment>& segments,
                                               at::ScalarType dtype, at::Device device) {
  kernels::PackedAttention packed;
  const bool flash = kernels::takes_variable_lengths(dtype, device);
  if (flash) packed = make_variable_lengths(segments, device);
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
    if (flash) continue;
    kernels::AttentionRun run{next - segments[first].start, {}};
    if (last - first > 1)
      run.mask = shared_prefix_mask(segments, first, last, at::TensorOptions(device).dtype(dtype));
    packed.runs.push_back(std::move(run));
  }
  return packed;
}

kernels::PackedAttention make_variable_lengths(const std::vector<Segment>& segments,
                                               at::Device device) {
  SegmentEnds ends;
  std::vector<std::int64_t> rows;
  const auto add_rows = [&rows](const Segment& segment) {
    for (std::int64_t i = 0; i < segment.length; ++i) rows.push_back(segment.start + i);
  };
  for (const Segment& segment : segments) {
    const auto first = static_cast<std::int64_t>(rows.size());
    if (segment.prefix >= 0) add_rows(segments[static_cast<std::size_t>(segment.prefix)]);
    add_rows(segment);
    ends.add(segment.length, static_cast<std::int64_t>(rows.size()) - first);
  }
  kernels::PackedAttention packed;
  packed.lengths = ends.lengths(device);
  if (ends.has_more_keys()) packed.key_rows = at::tensor(rows, at::kLong).to(device);
  return packed;
}

kernels::PackedAttention make_continued_attention(const std::vector<ContinuedSegment>& segments,
                                                  kernels::CachePlaces key_places,
                                                  at::ScalarType dtype, at::Device device) {
  auto packed = continued(segments, dtype, device);
  packed.key_places = std::move(key_places);
  return packed;
}

kernels::PackedAttention make_context_attention(const std::vector<Segment>& segments,
                                                const parallel::ContextSplit& split, int rank,
                                                at::ScalarType dtype, at::Device device) {
  std::vector<ContinuedSegment> pieces;
  std::vector<std::int64_t> key_rows;
  const auto see = [&](std::int64_t begin, std::int64_t end) {
    for (auto token = begin; token < end; ++token) key_rows.push_back(split.place(token));
  };
  const auto first_row = rank * split.rows_per_rank(), chunk_rows = split.rows_per_rank() / 2;
  auto row = first_row;
  for (const auto& chunk : split.chunks(rank)) {
    const auto chunk_end = row + chunk_rows;
    for (const Segment& segment : segments) {
      const auto begin = std::max(chunk.begin, segment.start),
                 end = std::min(chunk.end, segment.start + segment.length);
      if (begin >= end) continue;
      const auto keys_before = key_rows.size();
      if (segment.prefix >= 0) {
        const Segment& prefix = segments[static_cast<std::size_t>(segment.prefix)];
        see(prefix.start, prefix.start + prefix.length);
      }
      see(segment.start, end);
      const auto num_keys = static_cast<std::int64_t>(key_rows.size() - keys_before);
      pieces.push_back({end - begin, num_keys - (end - begin)});
      row += end - begin;
    }
    if (row == chunk_end) continue;
    pieces.push_back({chunk_end - row, 0});
    for (; row < chunk_end; ++row) key_rows.push_back(row);
  }
  auto packed = continued(pieces, dtype, device);
  packed.key_rows = at::tensor(key_rows, at::kLong).to(device);
  return packed;
}

}  // namespace r1::nn
