// The k likeliest ids over the vocabulary, computed in chunks: each rank's best ids, then the best
// of the gathered ids.
#include "vocabulary/vocab_top_k.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <limits>

#include "base/errors.h"
#include "kernels/vocab_rows.h"
#include "vocabulary/vocab_chunks.h"

namespace r1::vocabulary {
namespace {

constexpr double kNowhere = -std::numeric_limits<double>::infinity();

/// z of the likeliest ids of a chunk and the ids, [C, k] each.
struct Candidates {
  at::Tensor values, ids;
};

/// Of this rank: where it has less than k ids, the others are unlikelier than any.
Candidates own_candidates(const at::Tensor& z, const VocabHead& head, std::int64_t k,
                          std::int64_t num_candidates) {
  const auto held = std::clamp<std::int64_t>(num_candidates - head.ids.begin, 0, head.ids.size);
  const auto count = std::min(k, held);
  auto values = at::full({z.size(0), k}, kNowhere, z.options());
  auto ids = at::zeros({z.size(0), k}, z.options().dtype(at::kLong));
  if (count > 0) {
    const auto [best, rows] = z.narrow(1, 0, held).topk(count, 1);
    values.narrow(1, 0, count).copy_(best);
    ids.narrow(1, 0, count).copy_(rows + head.ids.begin);
  }
  return {values, ids};
}

/// [C, k] of every rank side by side: [C, ranks x k].
at::Tensor gather_columns(const at::Tensor& mine, Communicator& ranks, const char* label) {
  const auto num_rows = mine.size(0);
  auto all = at::empty({ranks.size() * num_rows, mine.size(1)}, mine.options());
  ranks.all_gather(all, mine.contiguous(), label).wait();
  return all.view({ranks.size(), num_rows, mine.size(1)})
      .transpose(0, 1)
      .reshape({num_rows, ranks.size() * mine.size(1)});
}

Candidates best_of_ranks(const Candidates& mine, Communicator& ranks) {
  const auto values = gather_columns(mine.values, ranks, "likeliest logits");
  const auto ids = gather_columns(mine.ids, ranks, "likeliest ids");
  const auto [best, places] = values.topk(mine.values.size(1), 1);
  return {best, ids.gather(1, places)};
}

/// Of a probability that underflows: finite, so that its product with the probability is 0.
double smallest_log(at::ScalarType dtype) {
  return dtype == at::kDouble ? std::log(std::numeric_limits<double>::min())
                              : std::log(std::numeric_limits<float>::min());
}

/// Sum of e^(z - max) over the ids that are not among `best`, [C]; overwrites z. Summed without the
/// likeliest, a small rest keeps its digits.
at::Tensor sum_of_others(at::Tensor z, const at::Tensor& max, const at::Tensor& best,
                         const VocabHead& head) {
  const auto mine = held_ids(best, head);
  auto taken = at::full(best.sizes(), kNowhere, z.options());
  if (mine.held.defined()) taken.masked_fill_(mine.held.logical_not(), 0.0);
  auto sum = z.scatter_add_(1, mine.rows, taken).sub_(max.unsqueeze(1)).exp_().sum(1);
  if (head.is_split()) head.ranks->all_reduce(sum, ReduceOp::Sum, "softmax sums").wait();
  return sum;
}

}  // namespace

VocabTopK vocab_top_k(const at::Tensor& hidden_any, const VocabHead& head, std::int64_t k,
                      std::int64_t num_candidates, double temperature, std::int64_t chunk_tokens) {
  R1_CHECK(k > 0 && k <= num_candidates && num_candidates <= head.vocab_size(),
           "{} of {} ids, the head has {}", k, num_candidates, head.vocab_size());
  R1_CHECK(temperature > 0, "temperature {}", temperature);
  const at::NoGradGuard no_grad;
  const auto hidden = hidden_any.to(head.weight.scalar_type());
  const auto options = head.weight.options()
                           .dtype(kernels::statistics_dtype(head.weight.scalar_type()))
                           .requires_grad(false);
  const auto num_tokens = hidden.size(0);
  VocabTopK result{at::empty({num_tokens, k}, options.dtype(at::kInt)),
                   at::empty({num_tokens, k}, options), at::empty({num_tokens}, options)};
  const auto chunk = choose_chunk(chunk_tokens, head, num_tokens);
  LogitChunks chunks(hidden, head.weight, chunk);
  for_each_chunk(num_tokens, chunk, [&](std::int64_t begin, std::int64_t count) {
    const auto z = chunks.form(begin, count).div_(temperature);
    auto best = own_candidates(z, head, k, num_candidates);
    auto max = z.amax(1);
    if (head.is_split()) {
      best = best_of_ranks(best, *head.ranks);
      head.ranks->all_reduce(max, ReduceOp::Max, "logit maxima").wait();
    }
    const auto rest = sum_of_others(z, max, best.ids, head);
    const auto shifted = best.values - max.unsqueeze(1);
    const auto log_sum = (shifted.exp().sum(1) + rest).log();
    result.ids.narrow(0, begin, count).copy_(best.ids);
    result.logprobs.narrow(0, begin, count).copy_(shifted - log_sum.unsqueeze(1));
    result.rest.narrow(0, begin, count)
        .copy_((rest.log() - log_sum).clamp_min(smallest_log(rest.scalar_type())));
  });
  return result;
}

}  // namespace r1::vocabulary
