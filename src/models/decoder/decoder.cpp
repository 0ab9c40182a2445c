#include "models/decoder/decoder.h"

#include <ATen/ATen.h>

#include "nn/activation_checkpoint.h"
#include "nn/rms_norm.h"
#include "parallel/tensor_parallel.h"

namespace r1::models {

nn::RopeConfig rope_config(const ModelShape& shape) {
  const auto& scaling = shape.rope_scaling;
  return {scaling.type == "none" ? "default" : scaling.type,
          shape.rope_theta,
          scaling.factor,
          scaling.low_freq_factor,
          scaling.high_freq_factor,
          scaling.original_max_position_embeddings,
          scaling.beta_fast,
          scaling.beta_slow,
          scaling.mscale,
          scaling.mscale_all_dim,
          scaling.attention_factor};
}

Decoder::Decoder(const ModelShape& shape, at::ScalarType dtype, at::Device device,
                 const parallel::ModelAxes& axes, std::int64_t rotary_dim)
    : Model(shape, dtype, device, axes),
      vocabulary_(shard(shape.vocab_size)),
      rope_factor_(nn::rope_attention_factor(rope_config(shape))) {
  embedding_ = allocate({vocabulary_.size, shape.hidden_size});
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i)
    norms_.push_back({allocate({shape.hidden_size}), allocate({shape.hidden_size})});
  final_norm_ = allocate({shape.hidden_size});
  if (!shape.tie_word_embeddings) head_ = allocate({vocabulary_.size, shape.hidden_size});
  const auto frequencies = nn::rope_inverse_frequencies(rope_config(shape), rotary_dim);
  inverse_frequencies_ = at::tensor(frequencies, at::kDouble).to(device);
}

at::Tensor Decoder::allocate(at::IntArrayRef sizes) const {
  return at::empty(sizes, at::TensorOptions(device()).dtype(dtype()));
}

nn::Linear Decoder::linear(std::int64_t out, std::int64_t in, bool bias) const {
  return {allocate({out, in}), bias ? allocate({out}) : at::Tensor()};
}

nn::Linear Decoder::split_input_linear(std::int64_t out, const parallel::Shard& in,
                                       bool bias) const {
  auto product = linear(out, in.size, bias);
  product.adds_bias = axes().tensor->rank() == 0;
  return product;
}

nn::GatedMlp Decoder::gated_mlp(std::int64_t inner, bool bias) const {
  const auto mine = shard(inner);
  return {linear(2 * mine.size, shape().hidden_size, bias),
          split_input_linear(shape().hidden_size, mine, bias)};
}

at::Tensor Decoder::embed(const at::Tensor& token_ids) const {
  const auto mine = parallel::held_ids(token_ids, head());
  const auto rows = at::embedding(embedding_, mine.rows);
  if (!mine.held.defined()) return rows;
  return parallel::sum_over_ranks(rows * mine.held.unsqueeze(1), *axes().tensor, "embedding");
}

std::vector<at::Tensor> Decoder::layer_forward(std::int64_t layer, const at::Tensor& block,
                                               const at::Tensor& residual,
                                               const nn::RopeTable& rope,
                                               const ModelInput& input) const {
  const auto& norms = norms_[static_cast<std::size_t>(layer)];
  const auto epsilon = shape().rms_norm_eps;
  auto& ranks = *axes().tensor;
  const auto [stream, normed] = nn::add_rms_norm(block, residual, norms.input, epsilon);
  const auto attended = parallel::sum_over_ranks(
      attend(layer, parallel::copy_to_ranks(normed, ranks, "gradient before attention"), rope,
             input.attention),
      ranks, "attention");
  const auto [middle, normed_middle] = nn::add_rms_norm(attended, stream, norms.post, epsilon);
  const auto fed = parallel::sum_over_ranks(
      feed_forward(layer,
                   parallel::copy_to_ranks(normed_middle, ranks, "gradient before feed-forward"),
                   input.token_uses),
      ranks, "feed-forward");
  return {fed, middle};
}

at::Tensor Decoder::forward(const ModelInput& input) const {
  const auto rope =
      nn::make_rope_table(input.position_ids, inverse_frequencies_, dtype(), rope_factor_);
  auto block = embed(input.token_ids);
  at::Tensor residual;
  for (std::int64_t i = 0; i < shape().num_hidden_layers; ++i) {
    const auto run = [this, i, rope, input = &input](const std::vector<at::Tensor>& x) {
      return layer_forward(i, x[0], x.size() > 1 ? x[1] : at::Tensor(), rope, *input);
    };
    std::vector<at::Tensor> inputs{block};
    if (residual.defined()) inputs.push_back(residual);
    const bool recompute = activation_checkpointing() && at::GradMode::is_enabled();
    const auto out = recompute ? nn::checkpointed(run, inputs) : run(inputs);
    block = out[0];
    residual = out[1];
  }
  return nn::add_rms_norm(block, residual, final_norm_, shape().rms_norm_eps).second;
}

}  // namespace r1::models
