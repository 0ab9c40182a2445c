#include "models/decoder/decoder.h"

#include <ATen/ATen.h>

#include "kernels/add_rms_norm.h"
#include "models/weight_shards.h"
#include "nn/gradient_hook.h"
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
  auto weights = at::empty(sizes, at::TensorOptions(device()).dtype(dtype()));
  if (ModelsWithoutMemory::active()) free_memory(weights);
  return weights;
}

nn::Linear Decoder::linear(std::int64_t out, std::int64_t in, bool bias) const {
  return {allocate({out, in}), bias ? allocate({out}) : at::Tensor()};
}

nn::Linear Decoder::split_input_linear(std::int64_t out, const parallel::Shard& in,
                                       bool bias) const {
  auto product = linear(out, in.size, bias);
  product.adds_bias = axes().rank(ModelAxis::Tensor) == 0;
  return product;
}

nn::GatedMlp Decoder::gated_mlp(std::int64_t inner, bool bias) const {
  const auto mine = shard(inner);
  return {linear(2 * mine.size, shape().hidden_size, bias),
          split_input_linear(shape().hidden_size, mine, bias)};
}

void Decoder::set_sequence_parallel(bool on) {
  sequence_parallel_ = on && axes().size(ModelAxis::Tensor) > 1;
  // Norms of the stream then see a rank's tokens alone.
  std::vector<at::Tensor> norms{final_norm_};
  for (const auto& layer : norms_) norms.insert(norms.end(), {layer.input, layer.post});
  for (auto& parameter : parameters_)
    for (const auto& norm : norms)
      if (parameter.value.is_same(norm))
        parameter.slices.front().partial_gradient = sequence_parallel_;
}

at::Tensor Decoder::enter(const at::Tensor& x, const Passage& passage, const char* label) const {
  return passage.splits_rows ? parallel::gather_rows(x, passage.num_rows, /*whole_gradient=*/false,
                                                     axes()[ModelAxis::Tensor], label)
                             : parallel::copy_to_ranks(x, axes()[ModelAxis::Tensor], label);
}

at::Tensor Decoder::leave(const at::Tensor& x, const Passage& passage, const char* label) const {
  return passage.splits_rows ? parallel::sum_to_own_rows(x, axes()[ModelAxis::Tensor], label)
                             : parallel::sum_over_ranks(x, axes()[ModelAxis::Tensor], label);
}

at::Tensor Decoder::embed(const at::Tensor& token_ids, const Passage& passage) const {
  const auto mine = vocabulary::held_ids(token_ids, head());
  const auto rows = at::embedding(embedding_, mine.rows);
  if (!mine.held.defined()) return rows;
  return leave(rows * mine.held.unsqueeze(1), passage, "embedding");
}

std::vector<at::Tensor> Decoder::layer_forward(std::int64_t layer, const at::Tensor& block,
                                               const at::Tensor& residual,
                                               const nn::RopeTable& rope, const ModelInput& input,
                                               const Passage& passage) const {
  const auto& norms = norms_[static_cast<std::size_t>(layer)];
  const auto epsilon = shape().rms_norm_eps;
  const auto [stream, normed] = kernels::add_rms_norm(block, residual, norms.input, epsilon);
  const auto attended =
      leave(attend(layer, enter(normed, passage, "before attention"), rope, input.attention),
            passage, "attention");
  const auto second_half = [this, layer, epsilon, passage,
                            input = &input](const std::vector<at::Tensor>& x) {
    const auto [middle, normed_middle] =
        kernels::add_rms_norm(x[0], x[1], norms_[static_cast<std::size_t>(layer)].post, epsilon);
    const auto fed = leave(feed_forward(layer, enter(normed_middle, passage, "before feed-forward"),
                                        input->token_uses),
                           passage, "feed-forward");
    return std::vector<at::Tensor>{fed, middle};
  };
  const bool again = recompute() == Recompute::FeedForward && at::GradMode::is_enabled();
  return again ? nn::checkpointed(second_half, {attended, stream})
               : second_half({attended, stream});
}

std::vector<at::Tensor> Decoder::with_weights(std::int64_t layer,
                                              const std::vector<at::Tensor>& inputs, bool trains,
                                              const nn::TensorFunction& function) const {
  auto* const shards = weight_shards();
  if (shards == nullptr) return function(inputs);
  const auto unit = unit_of_layer(layer);
  const auto need_for_backward = [shards, unit] {
    if (unit > unit_of_layer(0))
      shards->need(unit, {unit - 1});
    else
      shards->need(unit);
  };
  if (nn::computes_again())
    need_for_backward();
  else
    shards->need(unit, {unit + 1});
  if (!at::GradMode::is_enabled()) {
    auto outputs = function(inputs);
    // The backward pass begins with the last layer.
    if (!trains || layer + 1 < shape().num_hidden_layers) shards->release(unit);
    return outputs;
  }
  auto outputs =
      function(nn::when_gradients_arrive(inputs, [shards, unit] { shards->end_backward(unit); }));
  if (!nn::computes_again() && layer + 1 < shape().num_hidden_layers) shards->release(unit);
  return nn::when_gradients_arrive(outputs, need_for_backward);
}

std::vector<at::Tensor> Decoder::with_last_weights(std::vector<at::Tensor> stream,
                                                   bool trains) const {
  auto* const shards = weight_shards();
  if (shards == nullptr) return stream;
  const auto unit = last_unit();
  const bool tied = !head_.defined();
  shards->need(unit);
  if (tied) shards->need(kEmbeddingUnit);
  if (!trains) return stream;
  return nn::when_gradients_arrive(stream, [shards, unit, tied] {
    if (tied) shards->release(kEmbeddingUnit);
    shards->end_backward(unit);
  });
}

at::Tensor Decoder::forward(const ModelInput& input) const {
  const auto rope =
      nn::make_rope_table(input.position_ids, inverse_frequencies_, dtype(), rope_factor_);
  // Decided here: a checkpointed layer runs without gradients at first.
  const Passage passage{input.token_ids.size(0), sequence_parallel_ && at::GradMode::is_enabled()};
  const bool trains = at::GradMode::is_enabled();
  if (auto* const shards = weight_shards()) shards->need(kEmbeddingUnit, {unit_of_layer(0)});
  auto block = embed(input.token_ids, passage);
  if (auto* const shards = weight_shards()) shards->release(kEmbeddingUnit);
  at::Tensor residual;
  for (std::int64_t i = 0; i < shape().num_hidden_layers; ++i) {
    const auto layer = [this, i, rope, passage, input = &input](const std::vector<at::Tensor>& x) {
      return layer_forward(i, x[0], x.size() > 1 ? x[1] : at::Tensor(), rope, *input, passage);
    };
    const auto run = [this, i, layer, trains](const std::vector<at::Tensor>& x) {
      return with_weights(i, x, trains, layer);
    };
    std::vector<at::Tensor> inputs{block};
    if (residual.defined()) inputs.push_back(residual);
    const bool from_host = recompute() == Recompute::LayerFromHost;
    const bool again = (from_host || recompute() == Recompute::Layer) && at::GradMode::is_enabled();
    const auto out =
        again ? nn::checkpointed(run, inputs,
                                 from_host ? nn::KeepInputs::OnHost : nn::KeepInputs::InPlace)
              : run(inputs);
    block = out[0];
    residual = out[1];
  }
  const auto stream = with_last_weights({block, residual}, trains);
  const auto hidden =
      kernels::add_rms_norm(stream[0], stream[1], final_norm_, shape().rms_norm_eps).second;
  return passage.splits_rows
             ? parallel::gather_rows(hidden, passage.num_rows, /*whole_gradient=*/true,
                                     axes()[ModelAxis::Tensor], "hidden states")
             : hidden;
}

}  // namespace r1::models
