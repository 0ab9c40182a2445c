#pragma once
// Collectives with autograd for tensor and expert parallelism, placed before and after split
// products.
//
// With one rank each function returns its input. Labels are string literals, which the watchdog
// prints. Collective over: `ranks`, also in the backward pass. Reference: Shoeybi et al.,
// Megatron-LM, arXiv 1909.08053, section 3 (f and g).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "parallel/communicator.h"

namespace r1::parallel {

/// Returns x unchanged; the gradient is the sum of all ranks' gradients. Use it before products
/// whose outputs are split over the ranks (Megatron's f).
at::Tensor copy_to_ranks(const at::Tensor& x, Communicator& ranks, const char* label);

/// Returns the sum of x over the ranks; the gradient passes unchanged. Use it after products whose
/// inputs are split over the ranks (Megatron's g).
at::Tensor sum_over_ranks(const at::Tensor& x, Communicator& ranks, const char* label);

/// Sequence parallelism: returns this rank's rows of the sum of x over the ranks, so that the
/// operations between two split products run once per row instead of on every rank. x [T, D] -> [n,
/// D], n = T / ranks, rounded up; the last ranks' rows are padded with zeros. The gradient is
/// gathered. Reference: Korthikanti et al., arXiv 2205.05198, section 4.2.2.
at::Tensor sum_to_own_rows(const at::Tensor& x, Communicator& ranks, const char* label);

/// Sequence parallelism: gathers the rows of all ranks. x [n, D] -> [num_rows, D]. The gradient is
/// this rank's rows of the sum of all ranks' gradients. `whole_gradient`: every rank already has
/// the complete gradient, and the result is this rank's rows of the complete gradient.
at::Tensor gather_rows(const at::Tensor& x, std::int64_t num_rows, bool whole_gradient,
                       Communicator& ranks, const char* label);

/// Sends rows (dim 0) to the ranks (all-to-all): send_rows[r] rows go to rank r, receive_rows[r]
/// rows come from rank r, both in rank order. The gradient travels back. [S, ...] -> [R, ...].
at::Tensor exchange_rows(const at::Tensor& x, std::span<const std::int64_t> send_rows,
                         std::span<const std::int64_t> receive_rows, Communicator& ranks,
                         const char* label);

/// exchange_rows() in two steps, between which other work may run while the rows travel. In the
/// backward pass the gradients travel while the backward pass of that work runs. One exchange per
/// object.
class RowsOnTheirWay {
 public:
  /// Starts to send the rows; the arguments are those of exchange_rows().
  RowsOnTheirWay(const at::Tensor& x, std::span<const std::int64_t> send_rows,
                 std::span<const std::int64_t> receive_rows, Communicator& ranks,
                 const char* label);
  /// Returns the rows that arrived.
  at::Tensor wait();

 private:
  struct State;
  std::shared_ptr<State> state_;
  at::Tensor received_;  // not to be read before wait()
};

}  // namespace r1::parallel
