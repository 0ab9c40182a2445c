#pragma once
// Collectives that autograd knows: what surrounds the split products of tensor and expert
// parallelism.
//
// With one rank each returns its input. Labels are string literals, the watchdog prints them.
// Collective over: `ranks`, also in backward.
// Reference: Shoeybi et al., Megatron-LM, arXiv 1909.08053, section 3 (f and g).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/communicator.h"

namespace r1::parallel {

/// x, as it is; its gradient is the sum of all ranks' gradients. Goes before products whose outputs
/// are split over the ranks.
at::Tensor copy_to_ranks(const at::Tensor& x, Communicator& ranks, const char* label);

/// The sum of all ranks' x; the gradient passes as it is. Goes behind products whose inputs are
/// split.
at::Tensor sum_over_ranks(const at::Tensor& x, Communicator& ranks, const char* label);

/// The same two with rows split between them (sequence parallelism: what stands between two split
/// products is then computed once, not on every rank). x [T, D] -> this rank's rows [n, D] of the
/// sum, n = T / ranks, rounded up: rows of zeros stand behind the last. The gradient is gathered.
/// Reference: Korthikanti et al., arXiv 2205.05198, section 4.2.2.
at::Tensor sum_to_own_rows(const at::Tensor& x, Communicator& ranks, const char* label);

/// x [n, D] -> all ranks' rows [num_rows, D]. Its gradient: this rank's rows of all ranks'
/// gradients, summed; with `whole_gradient`, when every rank has the whole gradient already, its
/// rows of that.
at::Tensor gather_rows(const at::Tensor& x, std::int64_t num_rows, bool whole_gradient,
                       Communicator& ranks, const char* label);

/// Sends rows (dim 0) to the ranks: send_rows[r] go to rank r, receive_rows[r] come from it, both
/// in rank order. The gradient travels back. [S, ...] -> [R, ...].
at::Tensor exchange_rows(const at::Tensor& x, std::span<const std::int64_t> send_rows,
                         std::span<const std::int64_t> receive_rows, Communicator& ranks,
                         const char* label);

}  // namespace r1::parallel
