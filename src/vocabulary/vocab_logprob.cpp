// Log-probabilities and entropy over the vocabulary, computed in chunks. The backward pass computes
// the logits of each chunk again.
#include "vocabulary/vocab_logprob.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "base/errors.h"
#include "kernels/vocab_rows.h"
#include "vocabulary/vocab_chunks.h"

namespace r1::vocabulary {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Settings {
  double temperature;
  bool with_entropy;
  std::int64_t chunk;
};

/// Forward results; `lse` [T] is what backward needs besides the inputs.
struct Forward {
  at::Tensor logprobs, entropy, lse;
};

/// Softmax statistics of a chunk over the whole vocabulary, and z at the ids.
kernels::RowsStatistics statistics(const at::Tensor& logits, const at::Tensor& ids,
                                   const VocabHead& head, double scale, bool with_dot) {
  if (!head.is_split()) return kernels::rows_statistics(logits, ids, scale, with_dot);
  at::Tensor max = kernels::rows_max(logits, scale);
  head.ranks->all_reduce(max, ReduceOp::Max, "logit maxima").wait();
  const kernels::RowsSum sums = kernels::rows_sum(logits, max, scale, with_dot);
  const HeldIds mine = held_ids(ids, head);
  const at::Tensor at_ids = kernels::rows_at(logits, mine.rows, scale) * mine.held;
  std::vector<at::Tensor> columns{sums.sum.unsqueeze(1), at_ids};
  if (with_dot) columns.push_back(sums.dot.unsqueeze(1));
  at::Tensor all = at::cat(columns, 1);
  head.ranks->all_reduce(all, ReduceOp::Sum, "softmax sums").wait();
  return {max, all.select(1, 0), with_dot ? all.select(1, -1) : at::Tensor(),
          all.narrow(1, 1, ids.size(1))};
}

Forward compute(const at::Tensor& hidden, const VocabHead& head, const at::Tensor& ids,
                const Settings& settings,
                const std::function<WithLogits(const Forward&)>& make_with_logits = {}) {
  const at::Tensor& weight = head.weight;
  const double scale = 1.0 / settings.temperature;
  const auto options =
      weight.options().dtype(kernels::statistics_dtype(weight.scalar_type())).requires_grad(false);
  const std::int64_t num_tokens = hidden.size(0);
  Forward result{at::empty({num_tokens, ids.size(1)}, options),
                 settings.with_entropy ? at::empty({num_tokens}, options) : at::Tensor(),
                 at::empty({num_tokens}, options)};
  if (num_tokens == 0) return result;
  const WithLogits with_logits = make_with_logits ? make_with_logits(result) : WithLogits();
  LogitChunks chunks(hidden, weight, settings.chunk);
  for_each_chunk(num_tokens, settings.chunk, [&](std::int64_t begin, std::int64_t count) {
    at::Tensor logits = chunks.form(begin, count);
    const kernels::RowsStatistics row =
        statistics(logits, ids.narrow(0, begin, count), head, scale, settings.with_entropy);
    const at::Tensor log_sum = row.sum.log();
    result.lse.narrow(0, begin, count).copy_(row.max + log_sum);
    // Subtracting the maximum first keeps the digits of log-probabilities near zero.
    result.logprobs.narrow(0, begin, count)
        .copy_((row.at_targets - row.max.unsqueeze(1)) - log_sum.unsqueeze(1));
    if (settings.with_entropy)
      result.entropy.narrow(0, begin, count).copy_(log_sum - row.dot / row.sum);
    if (with_logits) with_logits(logits, begin, count);
  });
  return result;
}

class VocabLogprobFunction : public torch::autograd::Function<VocabLogprobFunction> {
 public:
  /// `weight` is the head's: autograd finds its inputs among the arguments.
  static variable_list forward(AutogradContext* context, const at::Tensor& hidden,
                               const at::Tensor& weight, const at::Tensor& ids,
                               const VocabHead& head, const Settings& settings) {
    const Forward result = compute(hidden, head, ids, settings);
    const HeldIds mine = held_ids(ids, head);
    context->save_for_backward({hidden, weight, mine.rows, result.lse, result.entropy, mine.held});
    context->saved_data["temperature"] = settings.temperature;
    context->saved_data["chunk"] = settings.chunk;
    context->saved_data["ranks"] = reinterpret_cast<std::int64_t>(head.ranks);
    context->set_materialize_grads(false);
    if (!settings.with_entropy) return {result.logprobs};
    return {result.logprobs, result.entropy};
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &hidden = saved[0], &weight = saved[1], &ids = saved[2];
    const double scale = 1.0 / context->saved_data["temperature"].toDouble();
    const std::int64_t chunk = context->saved_data["chunk"].toInt();
    const at::Tensor grad_entropy = grads.size() > 1 ? grads[1] : at::Tensor();
    if (!grads[0].defined() && !grad_entropy.defined()) return variable_list(5);
    LogitChunks chunks(hidden, weight, chunk);
    HeadGradients result(hidden, weight, context->needs_input_grad(0),
                         context->needs_input_grad(1));
    const auto part = [](const at::Tensor& whole, std::int64_t begin, std::int64_t count) {
      return whole.defined() ? whole.narrow(0, begin, count) : at::Tensor();
    };
    for_each_chunk(hidden.size(0), chunk, [&](std::int64_t begin, std::int64_t count) {
      at::Tensor logits = chunks.form(begin, count);
      const at::Tensor gradient =
          kernels::rows_gradient_(logits,
                                  {part(ids, begin, count), part(saved[3], begin, count),
                                   part(saved[4], begin, count), part(grads[0], begin, count),
                                   part(grad_entropy, begin, count), part(saved[5], begin, count)},
                                  scale, result.narrow(count));
      result.add(gradient, begin);
    });
    if (result.hidden().defined())
      sum_gradient(result.hidden(),
                   *reinterpret_cast<Communicator*>(context->saved_data["ranks"].toInt()));
    return {result.hidden(), result.weight(), {}, {}, {}};
  }
};

void check_shapes(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& ids,
                  double temperature) {
  R1_CHECK(hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1),
           "hidden has {} dims, head weight {}; their widths must agree", hidden.dim(),
           weight.dim());
  R1_CHECK(ids.dim() == 2 && ids.size(0) == hidden.size(0) && ids.scalar_type() == at::kLong,
           "ids must be int64 with one row for each of the {} tokens", hidden.size(0));
  R1_CHECK(temperature > 0, "temperature {}", temperature);
}

/// logprobs [T, K], and the entropy when asked for.
variable_list run(const at::Tensor& hidden_any, const VocabHead& head, const at::Tensor& ids,
                  const Settings& wanted) {
  const at::Tensor& weight = head.weight;
  check_shapes(hidden_any, weight, ids, wanted.temperature);
  const at::Tensor hidden = hidden_any.to(weight.scalar_type());
  const Settings settings{wanted.temperature, wanted.with_entropy,
                          choose_chunk(wanted.chunk, head, hidden.size(0))};
  if (at::GradMode::is_enabled() && (hidden.requires_grad() || weight.requires_grad()))
    return VocabLogprobFunction::apply(hidden, weight, ids, head, settings);
  const Forward result = compute(hidden, head, ids, settings);
  return {result.logprobs, result.entropy};
}

}  // namespace

VocabLogprobs vocab_logprobs(const at::Tensor& hidden, const VocabHead& head,
                             const at::Tensor& targets, double temperature, bool with_entropy,
                             std::int64_t chunk_tokens) {
  const variable_list results =
      run(hidden, head, targets.unsqueeze(-1), {temperature, with_entropy, chunk_tokens});
  return {results[0].squeeze(1), with_entropy ? results[1] : at::Tensor()};
}

at::Tensor vocab_cross_entropy(const at::Tensor& hidden_any, const VocabHead& head,
                               const at::Tensor& targets, double token_weight,
                               std::int64_t chunk_tokens) {
  const at::Tensor& weight = head.weight;
  const at::Tensor ids = targets.unsqueeze(-1);
  check_shapes(hidden_any, weight, ids, 1.0);
  const at::Tensor hidden = hidden_any.to(weight.scalar_type());
  const Settings settings{1.0, false, choose_chunk(chunk_tokens, head, hidden.size(0))};
  const bool need_hidden = at::GradMode::is_enabled() && hidden.requires_grad(),
             need_weight = at::GradMode::is_enabled() && weight.requires_grad();
  if (!need_hidden && !need_weight)
    return compute(hidden, head, ids, settings).logprobs.sum() * -token_weight;
  HeadGradients gradients(hidden, weight, need_hidden, need_weight);
  at::Tensor loss;
  {
    const at::NoGradGuard no_grad;
    const HeldIds mine = held_ids(ids, head);
    const auto gradient = [&](const Forward& values) {
      const at::Tensor per_token = at::full_like(values.logprobs, -token_weight);
      return [&, per_token, lse = values.lse](at::Tensor& logits, std::int64_t begin,
                                              std::int64_t count) {
        const auto part = [&](const at::Tensor& whole) {
          return whole.defined() ? whole.narrow(0, begin, count) : whole;
        };
        gradients.add(
            kernels::rows_gradient_(
                logits, {part(mine.rows), part(lse), {}, part(per_token), {}, part(mine.held)}, 1.0,
                gradients.narrow(count)),
            begin);
      };
    };
    loss = compute(hidden, head, ids, settings, gradient).logprobs.sum() * -token_weight;
    if (need_hidden) sum_gradient(gradients.hidden(), *head.ranks);
  }
  return with_gradients(loss, hidden, weight, gradients);
}

at::Tensor vocab_logprobs_at(const at::Tensor& hidden, const VocabHead& head, const at::Tensor& ids,
                             double temperature, std::int64_t chunk_tokens) {
  return run(hidden, head, ids, {temperature, false, chunk_tokens})[0];
}

}  // namespace r1::vocabulary
