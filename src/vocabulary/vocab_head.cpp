#include "vocabulary/vocab_head.h"

#include <ATen/ATen.h>

#include "kernels/logits.h"

namespace r1::vocabulary {

HeldIds held_ids(const at::Tensor& ids, const VocabHead& head) {
  if (!head.is_split()) return {ids, {}};
  const auto rows = ids - head.ids.begin;
  const auto held = rows.ge(0).logical_and(rows.lt(head.ids.size));
  return {rows.masked_fill(held.logical_not(), 0), held};
}

at::Tensor gather_weight(const VocabHead& head) {
  if (!head.is_split()) return head.weight;
  auto whole =
      at::zeros({head.ids.total, head.weight.size(1)}, head.weight.options().requires_grad(false));
  whole.narrow(0, head.ids.begin, head.ids.size).copy_(head.weight.detach());
  head.ranks->all_reduce(whole, ReduceOp::Sum, "a whole head").wait();
  return whole;
}

at::Tensor gather_logits(const at::Tensor& hidden, const VocabHead& head) {
  const auto mine = kernels::form_logits(hidden, head.weight);
  if (!head.is_split()) return mine;
  const auto num_ranks = head.ranks->size();
  std::int64_t widest = 0;
  for (int rank = 0; rank < num_ranks; ++rank)
    widest = std::max(widest, shard_of(head.ids.total, rank, num_ranks).size);
  // Pieces of an all_gather are equal: narrower parts travel with zeros behind them.
  const auto sent = at::constant_pad_nd(mine, {0, widest - head.ids.size}).contiguous();
  auto parts = at::empty({num_ranks * mine.size(0), widest}, mine.options());
  head.ranks->all_gather(parts, sent, "logits").wait();
  std::vector<at::Tensor> columns;
  for (int rank = 0; rank < num_ranks; ++rank)
    columns.push_back(parts.narrow(0, rank * mine.size(0), mine.size(0))
                          .narrow(1, 0, shard_of(head.ids.total, rank, num_ranks).size));
  return at::cat(columns, 1);
}

}  // namespace r1::vocabulary
