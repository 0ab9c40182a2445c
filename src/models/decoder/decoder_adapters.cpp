// Low-rank adapters of projections: which slices of a fused projection have them, and how the
// factors are split over the tensor axis.
//
// A projection whose rows are split (q, k, v, gate, up): every rank holds A whole and its rows of
// B. A projection whose columns are split (o, down): every rank holds its columns of A and B whole,
// and the sum over the ranks that follows the projection also sums what the adapters add. The
// factor that a rank holds whole gets a part of its gradient on each rank.
#include <ATen/ATen.h>

#include "models/adapters.h"
#include "models/decoder/decoder.h"

namespace r1::models {
namespace {

/// "q_proj" of "model.layers.0.self_attn.q_proj".
std::string module_of(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

std::string factor_name(const std::string& name, const char* factor) {
  return kPeftPrefix + name + factor;
}

}  // namespace

void Decoder::attach_adapters(nn::Linear& linear, std::vector<nn::LowRank::Slice> slices,
                              Parameter a, Parameter b) {
  auto factors = std::make_shared<nn::LowRank>();
  factors->a = a.value;
  factors->b = b.value;
  factors->slices = std::move(slices);
  factors->scale = shape().lora.scale();
  linear.adapters = factors;
  adapted_weights_.push_back({parameters_.size() - 1, adapters_.size(), std::move(factors)});
  adapters_.push_back(std::move(a));
  adapters_.push_back(std::move(b));
}

void Decoder::adapt_rows(nn::Linear& linear, const std::vector<Part>& parts) {
  const auto rank = shape().lora.r, width = linear.weight.size(1);
  const auto me = axes().rank(ModelAxis::Tensor);
  const bool is_split = axes().size(ModelAxis::Tensor) > 1;
  std::vector<nn::LowRank::Slice> slices;
  std::vector<WeightSlice> of_a;
  std::vector<Part> of_b;
  std::int64_t begin = 0, rows = 0;
  for (const auto& part : parts) {
    if (shape().lora.targets(module_of(part.name))) {
      of_a.push_back({factor_name(part.name, kLoraA),
                      static_cast<std::int64_t>(of_a.size()) * rank,
                      rank,
                      {},
                      {},
                      me,
                      is_split});
      of_b.push_back(part);
      of_b.back().name = factor_name(part.name, "");
      slices.push_back({begin, part.rows.size});
      rows += part.rows.size;
    }
    begin += part.rows.size;
  }
  if (slices.empty()) return;
  const auto b = allocate({rows, rank});
  const auto num_slices = static_cast<std::int64_t>(slices.size());
  attach_adapters(linear, std::move(slices),
                  {allocate({num_slices * rank, width}), std::move(of_a)},
                  {b, fused_slices(b, of_b, kLoraB)});
}

void Decoder::adapt_columns(nn::Linear& linear, const std::string& name,
                            const parallel::Shard& columns) {
  if (!shape().lora.targets(module_of(name))) return;
  const auto rank = shape().lora.r, rows = linear.weight.size(0);
  WeightSlice of_a{factor_name(name, kLoraA), 0, rank};
  if (columns.size < columns.total) {
    of_a.shape = {rank, columns.total};
    of_a.offset = {0, columns.begin};
  }
  WeightSlice of_b{
      factor_name(name, kLoraB),         0, rows, {}, {}, axes().rank(ModelAxis::Tensor),
      axes().size(ModelAxis::Tensor) > 1};
  attach_adapters(linear, {{0, rows}}, {allocate({rank, columns.size}), {std::move(of_a)}},
                  {allocate({rows, rank}), {std::move(of_b)}});
}

}  // namespace r1::models
