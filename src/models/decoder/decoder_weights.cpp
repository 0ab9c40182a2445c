// Names in Hugging Face files of the tensors that all decoder-only families share, and the layout
// of fused tensors.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "models/decoder/decoder.h"

namespace r1::models {

void Decoder::add(const at::Tensor& value, std::vector<WeightSlice> slices) {
  parameters_.push_back({value, std::move(slices), /*decay=*/value.dim() > 1});
}

void Decoder::add_shared(const at::Tensor& value, std::string name) {
  add(value, {{std::move(name), 0, value.size(0), {}, {}, axes().rank(ModelAxis::Tensor)}});
}

void Decoder::add_whole(const at::Tensor& value, std::string name) {
  add_shared(value, std::move(name));
  parameters_.back().slices.front().partial_gradient = axes().size(ModelAxis::Tensor) > 1;
}

void Decoder::add_rows(const at::Tensor& value, const Part& part) {
  add(value, fused_slices(value, {part}, ""));
}

void Decoder::add_linear(const nn::Linear& linear, const std::string& name) {
  add_whole(linear.weight, name + ".weight");
  if (linear.bias.defined()) add_whole(linear.bias, name + ".bias");
}

std::vector<WeightSlice> Decoder::fused_slices(const at::Tensor& value,
                                               const std::vector<Part>& parts,
                                               const char* end) const {
  std::vector<WeightSlice> slices;
  std::int64_t row = 0;
  for (const auto& part : parts) {
    WeightSlice slice{part.name + end, row, part.rows.size};
    if (part.rows.size < part.rows.total) {
      slice.shape = value.sizes().vec();
      slice.shape[0] = part.rows.total;
      slice.offset.assign(slice.shape.size(), 0);
      slice.offset[0] = part.rows.begin;
    }
    slice.copy = part.copy;
    slice.partial_gradient = part.copies > 1;
    slices.push_back(std::move(slice));
    row += part.rows.size;
  }
  return slices;
}

void Decoder::add_fused(nn::Linear& linear, const std::vector<Part>& parts) {
  add(linear.weight, fused_slices(linear.weight, parts, ".weight"));
  adapt_rows(linear, parts);
  if (linear.bias.defined()) add(linear.bias, fused_slices(linear.bias, parts, ".bias"));
}

void Decoder::add_columns(nn::Linear& linear, const std::string& name,
                          const parallel::Shard& columns) {
  WeightSlice slice{name + ".weight", 0, linear.weight.size(0)};
  if (columns.size < columns.total) {
    slice.shape = {slice.rows, columns.total};
    slice.offset = {0, columns.begin};
  }
  add(linear.weight, {std::move(slice)});
  adapt_columns(linear, name, columns);
  if (linear.bias.defined()) add_whole(linear.bias, name + ".bias");
}

void Decoder::add_gated_mlp(nn::GatedMlp& mlp, const std::string& prefix, std::int64_t inner) {
  const auto mine = shard(inner);
  add_fused(mlp.gate_up, {{prefix + "gate_proj", mine}, {prefix + "up_proj", mine}});
  add_columns(mlp.down, prefix + "down_proj", mine);
}

void Decoder::register_parameters(
    const std::function<void(std::int64_t layer, const std::string& prefix)>& add_layer) {
  // The unit of all parameters added since the last call.
  auto set_unit = [this, first = std::size_t{0}](std::int64_t unit) mutable {
    for (; first < parameters_.size(); ++first)
      if (parameters_[first].trained) parameters_[first].unit = unit;
  };
  add_rows(embedding_, {"model.embed_tokens.weight", vocabulary_});
  set_unit(kEmbeddingUnit);
  for (std::size_t i = 0; i < norms_.size(); ++i) {
    const auto prefix = fmt::format("model.layers.{}.", i);
    add_shared(norms_[i].input, prefix + "input_layernorm.weight");
    add_shared(norms_[i].post, prefix + "post_attention_layernorm.weight");
    add_layer(static_cast<std::int64_t>(i), prefix);
    set_unit(unit_of_layer(static_cast<std::int64_t>(i)));
  }
  add_shared(final_norm_, "model.norm.weight");
  if (head_.defined()) add_rows(head_, {"lm_head.weight", vocabulary_});
  set_unit(last_unit());
}

}  // namespace r1::models
