#include "training/pass.h"

#include <ATen/ATen.h>

#include "training/number_lists.h"

namespace r1::training {
namespace {

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

}  // namespace

Pass::Pass(const models::Model& model, data::MicroBatch batch)
    : model_(model),
      batch_(std::move(batch)),
      input_(model_input(batch_, model)),
      hidden_(model.forward(input_).index_select(0, to_tensor(batch_.loss_rows, model.device()))) {}

at::Tensor Pass::targets() const {
  return to_tensor({batch_.loss_targets.begin(), batch_.loss_targets.end()}, model_.device());
}

at::Tensor Pass::lengths() const {
  std::vector<std::int64_t> lengths;
  for (const auto& range : batch_.samples) lengths.push_back(range.end - range.begin);
  return to_tensor(lengths, model_.device());
}

vocabulary::VocabLogprobs Pass::logprobs(double temperature, bool with_entropy,
                                         std::int64_t chunk_tokens) const {
  return vocabulary::vocab_logprobs(hidden_, model_.head(), targets(), temperature, with_entropy,
                                    chunk_tokens);
}

at::Tensor Pass::values(const ValueHead& head) const {
  return at::linear(hidden_, head.weight, head.bias).squeeze(1);
}

}  // namespace r1::training
