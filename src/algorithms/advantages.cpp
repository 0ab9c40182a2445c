#include "algorithms/advantages.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/errors.h"

namespace r1::algorithms {
namespace {

at::Tensor on_host(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.detach().to(at::kCPU, dtype).contiguous();
}

struct Moments {
  double count = 0.0, mean = 0.0, squares = 0.0;  // squares: sum of (x - mean)^2
};

Moments global_moments(const at::Tensor& x, const SumReducer& reduce) {
  const at::Tensor values = x.detach().to(at::kDouble);
  at::Tensor first = at::stack({at::full_like(values.sum(), values.numel()), values.sum()});
  reduce(first);
  Moments moments;
  moments.count = first[0].item<double>();
  moments.mean = first[1].item<double>() * inverse(moments.count);
  at::Tensor second = (values - moments.mean).square().sum().unsqueeze(0);
  reduce(second);
  moments.squares = second[0].item<double>();
  return moments;
}

/// Writes one group's advantages; false: all its rewards are equal.
bool write_group(const std::vector<std::int64_t>& members, const double* rewards, double* out,
                 const AdvantageOptions& options, double batch_std) {
  const double size = static_cast<double>(members.size());
  double sum = 0.0, low = rewards[members[0]], high = low;
  for (const std::int64_t i : members) {
    sum += rewards[i];
    low = std::min(low, rewards[i]);
    high = std::max(high, rewards[i]);
  }
  if (low == high)
    return false;  // the rounded mean may differ from them; dividing would blow it up
  const double mean = sum / size;
  double squares = 0.0;
  for (const std::int64_t i : members) squares += (rewards[i] - mean) * (rewards[i] - mean);
  const double std = std::sqrt(squares / (size - static_cast<double>(options.ddof)));
  for (const std::int64_t i : members) {
    const double centred = rewards[i] - mean;
    if (options.kind == "dr_grpo")
      out[i] = centred;
    else if (options.kind == "rloo")
      out[i] = rewards[i] - (sum - rewards[i]) / (size - 1.0);
    else
      out[i] = centred / ((options.kind == "grpo" ? std : batch_std) + options.epsilon);
  }
  return true;
}

}  // namespace

GaeResult gae(const at::Tensor& rewards, const at::Tensor& values, const at::Tensor& lengths,
              const at::Tensor& bootstrap_values, double gamma, double lambda) {
  const at::Tensor r = on_host(rewards, at::kDouble), v = on_host(values, at::kDouble);
  const at::Tensor sizes = on_host(lengths, at::kLong);
  const at::Tensor after = on_host(bootstrap_values, at::kDouble);
  R1_CHECK(r.numel() == v.numel() && sizes.sum().item<std::int64_t>() == r.numel(),
           "{} rewards, {} values, lengths add to {}", r.numel(), v.numel(),
           sizes.sum().item<std::int64_t>());
  at::Tensor advantages = at::empty_like(r);
  std::int64_t begin = 0;
  for (std::int64_t s = 0; s < sizes.numel(); ++s) {
    const std::int64_t end = begin + sizes.data_ptr<std::int64_t>()[s];
    double next_value = after.data_ptr<double>()[s], advantage = 0.0;
    for (std::int64_t t = end - 1; t >= begin; --t) {
      const double value = v.data_ptr<double>()[t];
      const double delta = r.data_ptr<double>()[t] + gamma * next_value - value;
      advantage = delta + gamma * lambda * advantage;
      advantages.data_ptr<double>()[t] = advantage;
      next_value = value;
    }
    begin = end;
  }
  return {advantages, advantages + v};
}

at::Tensor whiten(const at::Tensor& x, const SumReducer& reduce, bool keep_mean) {
  constexpr double kEpsilon = 1e-8;
  const Moments moments = global_moments(x, reduce);
  const double variance = moments.squares * inverse(moments.count - 1.0);
  const at::Tensor centred = (x - moments.mean) / std::sqrt(variance + kEpsilon);
  return keep_mean ? centred + moments.mean : centred;
}

GroupAdvantages group_advantages(const at::Tensor& rewards, const at::Tensor& groups,
                                 const AdvantageOptions& options, const SumReducer& reduce) {
  const at::Tensor r = on_host(rewards, at::kDouble), ids = on_host(groups, at::kLong);
  R1_CHECK(r.numel() == ids.numel(), "{} rewards, {} group numbers", r.numel(), ids.numel());
  std::map<std::int64_t, std::vector<std::int64_t>> members;
  for (std::int64_t i = 0; i < ids.numel(); ++i)
    members[ids.data_ptr<std::int64_t>()[i]].push_back(i);
  double batch_std = 0.0;
  if (options.kind == "batch_std") {
    const Moments moments = global_moments(r, reduce);
    batch_std =
        std::sqrt(moments.squares * inverse(moments.count - static_cast<double>(options.ddof)));
  }
  GroupAdvantages result{at::zeros_like(r), static_cast<std::int64_t>(members.size()), 0};
  for (const auto& [group, list] : members)
    if (!write_group(list, r.data_ptr<double>(), result.advantages.data_ptr<double>(), options,
                     batch_std))
      ++result.num_zero_groups;
  return result;
}

}  // namespace r1::algorithms
