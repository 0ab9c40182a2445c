#pragma once
// The head of a language model: the weight that maps hidden states to logits, whole or split over
// ranks by token ids.
#include <ATen/core/Tensor.h>

#include "parallel/model_axes.h"

namespace r1::vocabulary {

using parallel::alone;
using parallel::Communicator;
using parallel::ReduceOp;
using parallel::Shard;
using parallel::shard_of;

struct VocabHead {
  /// The whole head, weight [V, D].
  VocabHead(at::Tensor whole)  // NOLINT: a weight is a head
      : weight(std::move(whole)), ids{0, weight.size(0), weight.size(0)} {}
  /// This rank's part of a split head, weight [ids.size, D]. Every rank holds at least one id.
  VocabHead(at::Tensor part, Shard ids, Communicator& ranks)
      : weight(std::move(part)), ids(ids), ranks(&ranks) {}

  bool is_split() const { return ranks->size() > 1; }
  std::int64_t vocab_size() const { return ids.total; }

  at::Tensor weight;
  Shard ids;
  Communicator* ranks = &alone();  // ranks that share the split head
};

/// Token ids as row indices of this rank's part, and which of the ids this rank holds. Ids of other
/// ranks get the row index 0.
struct HeldIds {
  at::Tensor rows;  // int64, in the shape of the ids
  at::Tensor held;  // bool; undefined: this rank holds all ids
};
HeldIds held_ids(const at::Tensor& ids, const VocabHead& head);

/// The whole weight [V, D] on every rank. Collective over: head.ranks.
at::Tensor gather_weight(const VocabHead& head);

/// Logits of all ids, [T, V], on every rank, without autograd (kernels/logits.h).
/// Collective over: head.ranks.
at::Tensor gather_logits(const at::Tensor& hidden, const VocabHead& head);

}  // namespace r1::vocabulary
