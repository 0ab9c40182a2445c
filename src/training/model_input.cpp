#include "training/model_input.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "vocabulary/vocab_logprob.h"

namespace r1::training {

at::Tensor to_tensor(const std::vector<std::int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

at::Tensor to_tensor(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}

std::vector<double> to_vector(const at::Tensor& values) {
  const auto host = values.detach().to(at::kCPU, at::kDouble).contiguous();
  return {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()};
}

at::Tensor targets_tensor(const data::MicroBatch& batch, at::Device device) {
  return to_tensor({batch.loss_targets.begin(), batch.loss_targets.end()}, device);
}

models::ModelInput model_input(const data::MicroBatch& batch, const models::Model& model) {
  std::vector<nn::Segment> segments;
  for (const auto& segment : batch.segments)
    segments.push_back({segment.start, segment.length, segment.prefix_segment});
  return {to_tensor({batch.token_ids.begin(), batch.token_ids.end()}, model.device()),
          to_tensor(batch.position_ids, model.device()),
          {nn::make_packed_attention(segments, model.dtype(), model.device()), nullptr, {}},
          model.shape().experts.num_experts > 0 ? to_tensor(batch.token_uses, model.device())
                                                : at::Tensor()};
}

std::vector<std::vector<double>> score_samples(const models::Model& model,
                                               std::span<const data::TrainingSample> samples,
                                               double temperature, const ScoringOptions& options,
                                               models::Lockstep* phase) {
  const c10::InferenceMode inference;
  models::Lockstep own(model);
  auto& lockstep = phase != nullptr ? *phase : own;
  std::vector<std::vector<double>> logprobs(samples.size());
  for (const auto& indices :
       data::split_by_tokens(samples, options.tokens_per_batch, options.share_prefix)) {
    const auto batch = data::pack(samples, indices, options.share_prefix);
    lockstep.begin_pass();
    const auto hidden = model.forward(model_input(batch, model));
    const auto rows = hidden.index_select(0, to_tensor(batch.loss_rows, model.device()));
    const auto values = to_vector(
        vocabulary::vocab_logprobs(rows, model.head(), targets_tensor(batch, model.device()),
                                   temperature, false, options.logprob_chunk_tokens)
            .logprobs);
    for (const auto& range : batch.samples)
      logprobs[static_cast<std::size_t>(range.sample)].assign(values.begin() + range.begin,
                                                              values.begin() + range.end);
  }
  if (phase == nullptr) own.finish();
  return logprobs;
}

}  // namespace r1::training
