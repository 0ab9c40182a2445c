// Selects the implementation of the steps of vocab_logprob: fused row loops on the CPU, kernels on
// GPUs, ATen otherwise.
#include "kernels/vocab_rows.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/errors.h"
#include "kernels/cuda_library.h"
#include "kernels/vocab_row_dispatch.h"
#include "kernels/vocab_row_loops.h"

namespace r1::kernels {
namespace {

/// May be the logits themselves.
at::Tensor scaled(const at::Tensor& logits, double scale) {
  const at::Tensor wide = logits.to(statistics_dtype(logits.scalar_type()));
  return scale == 1.0 ? wide : wide * scale;
}

/// grad_logprobs of the targets whose logits are here, zero for the others.
at::Tensor held_gradients(const RowsGradient& rows) {
  return rows.held.defined() ? rows.grad_logprobs * rows.held : rows.grad_logprobs;
}

/// The plain form of rows_gradient_: the formula of vocab_row_loops.h plus the targets' terms. In
/// place, since passes over the logits are what it costs.
void plain_gradient_(at::Tensor& logits, const RowsGradient& rows, double scale) {
  if (scale != 1.0) logits.mul_(scale);
  at::Tensor& log_p = logits.sub_(rows.lse.unsqueeze(1));
  at::Tensor factor;
  if (rows.grad_logprobs.defined()) factor = rows.grad_logprobs.sum(1, /*keepdim=*/true) * -scale;
  if (rows.grad_entropy.defined()) {
    const at::Tensor part =
        (log_p + rows.entropy.unsqueeze(1)).mul_(rows.grad_entropy.unsqueeze(1) * -scale);
    factor = factor.defined() ? part + factor : part;
  }
  log_p.exp_().mul_(factor);
  if (rows.grad_logprobs.defined())
    logits.scatter_add_(1, rows.targets, held_gradients(rows) * scale);
}

at::Tensor floats(const at::Tensor& x) {
  return x.defined() ? x.to(at::kFloat).contiguous() : x;
}

const float* floats_or_null(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<float>() : nullptr;
}

/// The same by one loop a row.
void loop_gradient_(at::Tensor& logits, const RowsGradient& rows, double scale) {
  const std::int64_t num_targets = rows.grad_logprobs.defined() ? rows.targets.size(1) : 0;
  const at::Tensor targets = rows.targets.contiguous();
  const at::Tensor grads = floats(rows.grad_logprobs);
  const at::Tensor at_targets = num_targets ? floats(held_gradients(rows)) : at::Tensor();
  const at::Tensor grad_entropy = floats(rows.grad_entropy);
  const float* lse = rows.lse.data_ptr<float>();
  for_each_row(logits, [&](std::int64_t i) {
    const float* grad = num_targets ? grads.data_ptr<float>() + i * num_targets : nullptr;
    RowGradient one{static_cast<float>(scale), lse[i], 0.0f, 0.0f, 0.0f};
    for (std::int64_t k = 0; k < num_targets; ++k) one.grad_logprob += grad[k];
    if (grad_entropy.defined()) {
      one.entropy = rows.entropy.data_ptr<float>()[i];
      one.grad_entropy = grad_entropy.data_ptr<float>()[i];
    }
    float* row = row_of(logits, i);
    row_gradient(row, logits.size(1), one);
    const std::int64_t* ids = targets.data_ptr<std::int64_t>() + i * num_targets;
    const float* held = num_targets ? at_targets.data_ptr<float>() + i * num_targets : nullptr;
    for (std::int64_t k = 0; k < num_targets; ++k) row[ids[k]] += one.scale * held[k];
  });
}

RowsStatistics statistics_cuda(const at::Tensor& logits, const at::Tensor& given_targets,
                               double scale, bool with_dot) {
  const auto rows = logits.size(0);
  const auto targets = given_targets.contiguous();
  RowsStatistics out{at::empty({rows}, logits.options()), at::empty({rows}, logits.options()),
                     with_dot ? at::empty({rows}, logits.options()) : at::Tensor(),
                     at::empty(targets.sizes(), logits.options())};
  const auto& table = *cuda_kernels();
  table.row_statistics(logits.const_data_ptr<float>(), logits.stride(0), rows, logits.size(1),
                       targets.const_data_ptr<std::int64_t>(), targets.size(1),
                       static_cast<float>(scale), out.max.mutable_data_ptr<float>(),
                       out.sum.mutable_data_ptr<float>(),
                       with_dot ? out.dot.mutable_data_ptr<float>() : nullptr,
                       out.at_targets.mutable_data_ptr<float>(), current_cuda_stream(logits));
  check_launch(table, "row_statistics");
  return out;
}

void gradient_cuda(const at::Tensor& logits, const RowsGradient& rows, double scale,
                   const at::Tensor& out) {
  constexpr std::int64_t kMostTargets = 4096;  // of the kernel
  const std::int64_t num_targets = rows.grad_logprobs.defined() ? rows.targets.size(1) : 0;
  R1_CHECK(num_targets <= kMostTargets, "{} ids of a token", num_targets);
  const at::Tensor targets = rows.targets.contiguous(), grads = floats(rows.grad_logprobs);
  const at::Tensor held = rows.held.defined() ? rows.held.contiguous() : rows.held;
  const at::Tensor lse = floats(rows.lse), grad_entropy = floats(rows.grad_entropy);
  const at::Tensor entropy = grad_entropy.defined() ? floats(rows.entropy) : at::Tensor();
  const auto& table = *cuda_kernels();
  table.row_gradient(logits.const_data_ptr<float>(), logits.stride(0), logits.size(0),
                     logits.size(1), targets.const_data_ptr<std::int64_t>(), floats_or_null(grads),
                     held.defined() ? held.const_data_ptr<bool>() : nullptr, num_targets,
                     lse.const_data_ptr<float>(), floats_or_null(entropy),
                     floats_or_null(grad_entropy), static_cast<float>(scale),
                     cuda_type(out.scalar_type()), out.mutable_data_ptr(), out.stride(0),
                     current_cuda_stream(logits));
  check_launch(table, "row_gradient");
}

/// sum += part, where sum is fp32 and part may be bfloat16.
void accumulate_(at::Tensor& sum, const at::Tensor& part) {
  if (!(sum.is_cpu() && part.scalar_type() == at::kBFloat16 && part.is_contiguous() &&
        sum.is_contiguous() && sum.scalar_type() == at::kFloat)) {
    sum.add_(part);
    return;
  }
  float* target = sum.data_ptr<float>();
  const auto* source = part.const_data_ptr<at::BFloat16>();
  at::parallel_for(0, sum.numel(), 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    accumulate(target + begin, source + begin, end - begin);
  });
}

}  // namespace

at::ScalarType statistics_dtype(at::ScalarType logits_dtype) {
  return logits_dtype == at::kDouble ? at::kDouble : at::kFloat;
}

at::Tensor rows_max(const at::Tensor& logits, double scale) {
  if (!has_row_loops(logits))
    return logits.amax(1).to(statistics_dtype(logits.scalar_type())) * scale;
  at::Tensor max = at::empty({logits.size(0)}, logits.options().dtype(at::kFloat));
  float* out = max.data_ptr<float>();
  for_each_row(logits, [&](std::int64_t i) {
    out[i] = row_max(row_of(logits, i), logits.size(1)) * static_cast<float>(scale);
  });
  return max;
}

RowsSum rows_sum(const at::Tensor& logits, const at::Tensor& max, double scale, bool with_dot) {
  if (!has_row_loops(logits)) {
    at::Tensor z = scaled(logits, scale) - max.unsqueeze(1);
    if (!with_dot) return {z.exp_().sum(1), {}};
    const at::Tensor e = z.exp();
    return {e.sum(1), z.mul_(e).sum(1)};
  }
  RowsSum result{at::empty_like(max), with_dot ? at::empty_like(max) : at::Tensor()};
  const float* max_data = max.data_ptr<float>();
  float* sum = result.sum.data_ptr<float>();
  float* dot = with_dot ? result.dot.data_ptr<float>() : nullptr;
  for_each_row(logits, [&](std::int64_t i) {
    const RowSum sums = row_sum(row_of(logits, i), logits.size(1), static_cast<float>(scale),
                                max_data[i], with_dot);
    sum[i] = sums.sum;
    if (dot) dot[i] = sums.dot;
  });
  return result;
}

at::Tensor rows_at(const at::Tensor& logits, const at::Tensor& targets, double scale) {
  return scaled(logits.gather(1, targets), scale);
}

RowsStatistics rows_statistics(const at::Tensor& logits, const at::Tensor& targets, double scale,
                               bool with_dot) {
  if (logits.scalar_type() == at::kFloat && has_row_kernels(logits))
    return statistics_cuda(logits, targets, scale, with_dot);
  const at::Tensor max = rows_max(logits, scale);
  const RowsSum sums = rows_sum(logits, max, scale, with_dot);
  return {max, sums.sum, sums.dot, rows_at(logits, targets, scale)};
}

at::Tensor rows_gradient_(at::Tensor& logits, const RowsGradient& rows, double scale,
                          const at::Tensor& narrow) {
  const at::Tensor out = narrow.defined() ? narrow : logits;
  if (logits.scalar_type() == at::kFloat && has_row_kernels(logits) && has_row_kernels(out)) {
    gradient_cuda(logits, rows, scale, out);
    return out;
  }
  if (has_row_loops(logits))
    loop_gradient_(logits, rows, scale);
  else
    plain_gradient_(logits, rows, scale);
  return narrow.defined() ? narrow.copy_(logits) : logits;
}

void add_product_(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b, at::Tensor& product) {
  if (sum.scalar_type() == b.scalar_type()) {
    sum.addmm_(a, b);
  } else if (sum.is_cuda()) {
    at::addmm_out(sum, sum, a, b, sum.scalar_type());
  } else {
    if (!product.defined()) product = at::empty(sum.sizes(), b.options());
    at::mm_out(product, a, b);
    accumulate_(sum, product);
  }
}

}  // namespace r1::kernels
