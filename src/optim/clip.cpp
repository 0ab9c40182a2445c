#include "optim/clip.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "kernels/adamw_kernels.h"
#include "kernels/adamw_loops.h"

namespace r1::optim {
namespace {

constexpr std::int64_t kBlock = 1 << 15;  // elements summed by one thread in one go
constexpr std::size_t kWindow = 101;      // norms of the median
constexpr std::size_t kFewest = 10;       // no judgement on fewer: the first steps vary

bool has_loops(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.is_contiguous() &&
         (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16);
}

double block_sum(const at::Tensor& tensor, std::int64_t begin, std::int64_t size) {
  if (tensor.scalar_type() == at::kFloat)
    return kernels::squares(tensor.data_ptr<float>() + begin, size);
  return kernels::squares(static_cast<const kernels::Bfloat16Bits*>(tensor.data_ptr()) + begin,
                          size);
}

}  // namespace

at::Tensor sum_of_squares(const at::Tensor& tensor) {
  if (kernels::has_squares_kernel(tensor)) return kernels::sum_of_squares_on_gpu(tensor);
  if (!has_loops(tensor)) {
    const bool narrow = c10::elementSize(tensor.scalar_type()) < c10::elementSize(at::kFloat);
    return at::sum((narrow ? tensor.to(at::kFloat) : tensor).square(), at::kDouble);
  }
  const std::int64_t size = tensor.numel();
  const std::int64_t num_blocks = (size + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<std::size_t>(num_blocks));
  at::parallel_for(0, num_blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b)
      sums[static_cast<std::size_t>(b)] =
          block_sum(tensor, b * kBlock, std::min(kBlock, size - b * kBlock));
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return at::full({}, total, tensor.options().dtype(at::kDouble));
}

double clip_scale(double norm, double max_norm) {
  constexpr double kEpsilon = 1e-6;
  return max_norm > 0.0 ? std::min(1.0, max_norm / (norm + kEpsilon)) : 1.0;
}

double OutlierGuard::bound() const {
  if (factor_ <= 0.0 || norms_.size() < kFewest) return std::numeric_limits<double>::infinity();
  std::vector<double> sorted = norms_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return factor_ * *middle;
}

std::string OutlierGuard::judge(const PendingStep& step) {
  const double norm = step.gradient_norm;
  const double limit = step.has_advantages ? bound() : std::numeric_limits<double>::infinity();
  if (std::isfinite(step.loss) && std::isfinite(norm) && norm <= limit) {
    if (step.has_advantages) norms_.push_back(norm);
    if (norms_.size() > kWindow) norms_.erase(norms_.begin());
    in_a_row_ = 0;
    return {};
  }
  ++num_skipped_;
  ++in_a_row_;
  auto reason = fmt::format("optimizer step {}: loss {}, gradient norm {}: expected finite values",
                            step.number, step.loss, norm);
  if (std::isfinite(limit))
    reason += fmt::format(" and a norm of at most {} ({} x the median)", limit, factor_);
  if (in_a_row_ >= max_in_a_row_)
    throw base::NumericalError(
        fmt::format("{}; {} steps in a row were skipped for this", reason, in_a_row_));
  return reason;
}

void OutlierGuard::restore(const State& state) {
  norms_ = state.norms;
  num_skipped_ = state.num_skipped;
  in_a_row_ = state.in_a_row;
}

}  // namespace r1::optim
