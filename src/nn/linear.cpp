#include "nn/linear.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace r1::nn {

at::Tensor LowRank::first(std::size_t slice, const at::Tensor& of_a) const {
  const auto rank = b.size(1);
  return of_a.narrow(0, static_cast<std::int64_t>(slice) * rank, rank);
}

at::Tensor LowRank::second(std::size_t slice, const at::Tensor& of_b) const {
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < slice; ++i) begin += slices[i].size;
  return of_b.narrow(0, begin, slices[slice].size);
}

void LowRank::add_to(at::Tensor& y, const at::Tensor& x) const {
  const auto inner = at::linear(x, a);  // of all slices in one product
  const auto rank = b.size(1);
  const bool in_pieces = slices.size() > 1 || slices.front().size < y.size(1);
  if (!in_pieces) {
    y.addmm_(inner, b.t(), 1.0, scale);
    return;
  }
  const auto of_slice = [&](std::size_t i) {
    return inner.narrow(1, static_cast<std::int64_t>(i) * rank, rank);
  };
  if (!at::GradMode::is_enabled()) {
    for (std::size_t i = 0; i < slices.size(); ++i)
      y.narrow(1, slices[i].begin, slices[i].size)
          .addmm_(of_slice(i), second(i, b).t(), 1.0, scale);
    return;
  }
  // One sum instead of one per slice: in-place sums on views copy the whole gradient each.
  std::vector<at::Tensor> columns;
  std::int64_t end = 0;
  const auto add_zeros = [&](std::int64_t to) {
    if (to > end) columns.push_back(at::zeros({1, 1}, y.options()).expand({y.size(0), to - end}));
  };
  for (std::size_t i = 0; i < slices.size(); ++i) {
    add_zeros(slices[i].begin);
    columns.push_back(at::linear(of_slice(i), second(i, b)));
    end = slices[i].begin + slices[i].size;
  }
  add_zeros(y.size(1));
  y.add_(at::cat(columns, 1), scale);
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  auto y = bias.defined() && adds_bias ? at::linear(x, weight, bias) : at::linear(x, weight);
  if (adapters && adapters->on) adapters->add_to(y, x);
  return y;
}

}  // namespace r1::nn
