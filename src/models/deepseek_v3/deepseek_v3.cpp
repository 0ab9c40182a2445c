#include "models/deepseek_v3/deepseek_v3.h"

#include <ATen/ATen.h>

#include <cmath>

#include "kernels/expert_products.h"

namespace r1::models {
namespace {

/// 1/sqrt(width of a query), and yarn's temperature on top of it.
double score_scale(const ModelShape& shape) {
  const auto& dims = shape.latent_attention;
  const auto& rope = shape.rope_scaling;
  const auto width = static_cast<double>(dims.qk_nope_head_dim + dims.qk_rope_head_dim);
  double temperature = 1.0;
  if (rope.type != "none" && rope.mscale_all_dim != 0.0)
    temperature = nn::yarn_mscale(rope.factor, rope.mscale_all_dim);
  return temperature * temperature / std::sqrt(width);
}

}  // namespace

DeepseekV3Model::DeepseekV3Model(const ModelShape& shape, at::ScalarType dtype, at::Device device,
                                 const parallel::ModelAxes& axes)
    : Decoder(shape, dtype, device, axes, shape.latent_attention.qk_rope_head_dim) {
  const auto dense = shape.dense_layers();
  const auto shared = shape.experts.num_shared_experts * shape.experts.moe_intermediate_size;
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i) {
    DeepseekLayer layer{make_attention(), {}, {}};
    const auto inner = i < dense ? shape.intermediate_size : shared;
    if (inner > 0) layer.mlp = gated_mlp(inner, /*bias=*/false);
    if (i >= dense) layer.experts = make_experts();
    layers_.push_back(std::move(layer));
  }
  if (dense < shape.num_hidden_layers) {
    const auto integers = at::TensorOptions(device).dtype(at::kLong);
    expert_load_ =
        at::zeros({shape.num_hidden_layers - dense, shape.experts.num_experts}, integers);
    routing_flips_ = at::zeros({3}, integers);
  }
  register_parameters([this](std::int64_t i, const std::string& prefix) {
    add_layer(layers_[static_cast<std::size_t>(i)], prefix);
  });
}

nn::LatentAttention DeepseekV3Model::make_attention() const {
  const auto& options = shape().latent_attention;
  const auto mine = shard(shape().num_attention_heads);
  const auto heads = mine.size, hidden = shape().hidden_size, rank = options.q_lora_rank;
  const auto queries = heads * (options.qk_nope_head_dim + options.qk_rope_head_dim);
  const bool bias = shape().attention_bias;
  nn::LatentAttention w;
  w.dims = {heads, options.kv_lora_rank, options.qk_nope_head_dim, options.qk_rope_head_dim,
            options.v_head_dim};
  w.interleaved = options.rope_interleave;
  w.scale = score_scale(shape());
  if (rank > 0) {
    w.query_down = linear(rank, hidden, bias);
    w.query_norm = allocate({rank});
  }
  w.query_up = allocate({queries, rank > 0 ? rank : hidden});
  w.latent_down = linear(w.dims.latent + w.dims.rope, hidden, bias);
  w.latent_norm = allocate({w.dims.latent});
  w.latent_up = allocate({heads * (w.dims.nope + w.dims.value), w.dims.latent});
  w.output = split_input_linear(hidden, parallel::scaled(mine, w.dims.value), bias);
  return w;
}

parallel::Shard DeepseekV3Model::own_experts() const {
  return parallel::shard_of(shape().experts.num_experts, axes()[ModelAxis::Experts]);
}

DeepseekExperts DeepseekV3Model::make_experts() const {
  const auto& options = shape().experts;
  const auto count = options.num_experts, held = own_experts().size,
             inner = options.moe_intermediate_size, hidden = shape().hidden_size;
  const auto bias_dtype = dtype() == at::kDouble ? at::kDouble : at::kFloat;
  return {allocate({count, hidden}),
          at::empty({count}, at::TensorOptions(device()).dtype(bias_dtype)),
          allocate({held * 2 * inner, hidden}), allocate({held * hidden, inner})};
}

CacheLayout DeepseekV3Model::cache_layout() const {
  const auto& options = shape().latent_attention;
  return {shape().num_hidden_layers,
          1,
          options.kv_lora_rank + options.qk_rope_head_dim,
          options.kv_lora_rank,
          /*values_in_keys=*/true,
          shard(shape().num_attention_heads).size};
}

bool DeepseekV3Model::can_be_recorded() const {
  const auto& options = shape().experts;
  if (!Decoder::can_be_recorded()) return false;
  if (options.num_experts == 0) return true;
  // Ranks that exchange tokens with their experts learn on the host how many there are.
  return axes().size(ModelAxis::Experts) == 1 &&
         kernels::expert_products_form(device(), dtype(), shape().hidden_size,
                                       options.moe_intermediate_size) ==
             kernels::ExpertProductsForm::Grouped;
}

at::Tensor DeepseekV3Model::attend(std::int64_t layer, const at::Tensor& x,
                                   const nn::RopeTable& rope,
                                   const nn::AttentionMetadata& attention) const {
  return nn::latent_attention(layers_[static_cast<std::size_t>(layer)].attention, x, rope,
                              attention, layer);
}

at::Tensor DeepseekV3Model::feed_forward(std::int64_t index, const at::Tensor& x,
                                         const ModelInput& input) const {
  const auto& layer = layers_[static_cast<std::size_t>(index)];
  if (!layer.experts.router.defined()) return layer.mlp(x);
  at::Tensor shared;  // computed while tokens travel to their experts
  const auto routed = mixed_experts(index, x, input, [&] {
    if (layer.mlp.down.weight.defined()) shared = layer.mlp(x);
  });
  return shared.defined() ? routed + shared : routed;
}

/// The routing of this rank's part of the tokens, counted and recorded.
nn::Routing DeepseekV3Model::route(std::int64_t index, const at::Tensor& part,
                                   const ModelInput& input) const {
  const auto& experts = layers_[static_cast<std::size_t>(index)].experts;
  const auto& options = shape().experts;
  const auto sparse = index - shape().dense_layers(), top_k = options.num_experts_per_token;
  const auto mine = shard(input.token_ids.size(0));
  const auto own_rows = [&](const at::Tensor& rows) {
    return rows.defined() ? rows.narrow(0, mine.begin, mine.size) : rows;
  };
  const auto of_layer = [&](const at::Tensor& decisions) {
    return decisions.defined() ? own_rows(decisions).narrow(1, sparse * top_k, top_k) : decisions;
  };
  const auto given = of_layer(input.experts.given);
  auto routing = kernels::route(part, experts.router, experts.balance_bias,
                                {top_k, options.num_groups, options.num_groups_per_token,
                                 options.normalize_weights, options.routed_scaling_factor},
                                input.experts.replays ? given : at::Tensor());
  if (input.experts.recorded.defined()) of_layer(input.experts.recorded).copy_(routing.experts);
  // Once per token and step: a recomputed layer has gradients only the second time.
  if (!at::GradMode::is_enabled()) return routing;
  const auto uses = own_rows(input.token_uses);
  expert_load_[sparse] += nn::expert_load(routing, options.num_experts, uses);
  if (given.defined()) routing_flips_ += nn::routing_flips(routing, given, uses);
  return routing;
}

/// The routed experts' sum for this rank's part of the tokens, zeros for the others.
at::Tensor DeepseekV3Model::mixed_experts(std::int64_t index, const at::Tensor& x,
                                          const ModelInput& input,
                                          const std::function<void()>& meanwhile) const {
  const auto& experts = layers_[static_cast<std::size_t>(index)].experts;
  const auto mine = shard(x.size(0));
  const auto part = x.narrow(0, mine.begin, mine.size);
  const auto routed =
      nn::routed_experts(part, route(index, part, input), experts.gate_up, experts.down,
                         shape().experts.num_experts, axes().experts(), meanwhile);
  if (mine.size == mine.total) return routed;
  return at::constant_pad_nd(routed, {0, 0, mine.begin, mine.total - mine.begin - mine.size});
}

at::Tensor DeepseekV3Model::take_expert_load() {
  if (!expert_load_.defined()) return {};
  auto load = expert_load_.clone();
  expert_load_.zero_();
  return load;
}

at::Tensor DeepseekV3Model::take_routing_flips() {
  if (!routing_flips_.defined()) return {};
  auto flips = routing_flips_.clone();
  routing_flips_.zero_();
  return flips;
}

void DeepseekV3Model::balance_experts(const at::Tensor& load, double rate) {
  for (std::int64_t i = 0; i < load.size(0); ++i)
    nn::balance_bias(
        layers_[static_cast<std::size_t>(shape().dense_layers() + i)].experts.balance_bias, load[i],
        rate);
}

}  // namespace r1::models
