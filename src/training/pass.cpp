#include "training/pass.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "models/expert_decisions.h"
#include "parallel/tensor_parallel.h"
#include "training/number_lists.h"

namespace r1::training {
namespace {

std::optional<ContextRows> context_rows(const data::MicroBatch& batch, const models::Model& model) {
  const auto& ranks = model.axes()[models::ModelAxis::Context];
  if (ranks.size() == 1) return std::nullopt;
  ContextRows rows{{batch.num_tokens(), ranks.size()}, {}, {}, 0, {}};
  const auto rows_per_rank = rows.split.rows_per_rank();
  std::vector<std::int64_t> held, hidden_rows, owners, numbers;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(ranks.size()), 0);
  for (std::size_t i = 0; i < batch.loss_rows.size(); ++i) {
    const auto place = rows.split.place(batch.loss_rows[i]), owner = place / rows_per_rank;
    owners.push_back(owner);
    numbers.push_back(counts[static_cast<std::size_t>(owner)]++);
    if (owner != ranks.rank()) continue;
    held.push_back(static_cast<std::int64_t>(i));
    hidden_rows.push_back(place % rows_per_rank);
  }
  rows.most_held = *std::max_element(counts.begin(), counts.end());
  for (std::size_t i = 0; i < owners.size(); ++i) numbers[i] += owners[i] * rows.most_held;
  rows.held = to_tensor(held, model.device());
  rows.hidden_rows = to_tensor(hidden_rows, model.device());
  rows.places = to_tensor(numbers, model.device());
  return rows;
}

/// The numbers of a rank's tokens; 0 for padding.
std::vector<std::int64_t> of_rank(std::vector<std::int64_t> numbers,
                                  const std::optional<ContextRows>& context, int rank) {
  if (!context) return numbers;
  std::vector<std::int64_t> mine;
  for (const auto token : context->split.tokens(rank))
    mine.push_back(token < 0 ? 0 : numbers[static_cast<std::size_t>(token)]);
  return mine;
}

/// The batch's experts as the rows that this rank computes; a row of padding has none.
at::Tensor given_experts(const data::MicroBatch& batch, const models::Model& model,
                         const std::optional<ContextRows>& context) {
  if (batch.experts.empty()) return {};
  auto rows = models::decisions_from_bytes(batch.experts, model.shape());
  R1_CHECK(rows.size(0) == batch.num_tokens(), "router decisions of {} tokens for {}", rows.size(0),
           batch.num_tokens());
  if (context) {
    const auto tokens = context->split.tokens(model.axes()[models::ModelAxis::Context].rank());
    const auto index = at::tensor(tokens, at::kLong);
    rows = rows.index_select(0, index.clamp_min(0)).masked_fill_(index.lt(0).unsqueeze(1), -1);
  }
  return rows.to(model.device());
}

models::ModelInput model_input(const data::MicroBatch& batch, const models::Model& model,
                               const std::optional<ContextRows>& context, bool replays_experts) {
  std::vector<nn::Segment> segments;
  for (const auto& segment : batch.segments)
    segments.push_back({segment.start, segment.length, segment.prefix_segment});
  auto& ranks = model.axes()[models::ModelAxis::Context];
  const auto numbers = [&](std::vector<std::int64_t> all) {
    return to_tensor(of_rank(std::move(all), context, ranks.rank()), model.device());
  };
  nn::AttentionMetadata attention;
  attention.pattern = context ? nn::make_context_attention(segments, context->split, ranks.rank(),
                                                           model.dtype(), model.device())
                              : nn::make_packed_attention(segments, model.dtype(), model.device());
  if (context) attention.context = &ranks;
  return {numbers({batch.token_ids.begin(), batch.token_ids.end()}),
          numbers(batch.position_ids),
          std::move(attention),
          model.shape().experts.num_experts > 0 ? numbers(batch.token_uses) : at::Tensor(),
          {given_experts(batch, model, context), replays_experts}};
}

}  // namespace

Pass::Pass(const models::Model& model, data::MicroBatch batch, bool replays_experts)
    : model_(model),
      batch_(std::move(batch)),
      context_(context_rows(batch_, model)),
      input_(model_input(batch_, model, context_, replays_experts)),
      targets_(to_tensor({batch_.loss_targets.begin(), batch_.loss_targets.end()}, model.device())),
      hidden_(model.forward(input_).index_select(
          0, context_ ? context_->hidden_rows : to_tensor(batch_.loss_rows, model.device()))) {}

at::Tensor Pass::own(const at::Tensor& rows) const {
  return context_ ? rows.index_select(0, context_->held) : rows;
}

at::Tensor Pass::whole(const at::Tensor& held) const {
  if (!context_) return held;
  auto& ranks = model_.axes()[models::ModelAxis::Context];
  const auto flat = held.dim() > 1 ? held : held.unsqueeze(1);
  const auto padded = at::constant_pad_nd(flat, {0, 0, 0, context_->most_held - flat.size(0)});
  const auto all = parallel::gather_rows(padded, context_->most_held * ranks.size(),
                                         /*whole_gradient=*/true, ranks, "loss rows")
                       .index_select(0, context_->places);
  return held.dim() > 1 ? all : all.squeeze(1);
}

at::Tensor Pass::total(const at::Tensor& loss) const {
  return parallel::sum_over_ranks(loss, model_.axes()[models::ModelAxis::Context],
                                  "loss of a pass");
}

at::Tensor Pass::lengths() const {
  std::vector<std::int64_t> lengths;
  for (const auto& range : batch_.samples) lengths.push_back(range.end - range.begin);
  return to_tensor(lengths, model_.device());
}

vocabulary::VocabLogprobs Pass::logprobs(double temperature, bool with_entropy,
                                         std::int64_t chunk_tokens) const {
  auto found = vocabulary::vocab_logprobs(hidden_, model_.head(), targets(), temperature,
                                          with_entropy, chunk_tokens);
  found.logprobs = whole(found.logprobs);
  if (with_entropy) found.entropy = whole(found.entropy);
  return found;
}

at::Tensor Pass::values(const ValueHead& head) const {
  return whole(at::linear(hidden_, head.weight, head.bias).squeeze(1));
}

}  // namespace r1::training
