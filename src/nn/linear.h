#pragma once
// A linear layer: a matrix product with an optional bias and optional low-rank adapters (LoRA).
#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace r1::nn {

/// Low-rank adapters of a linear layer: y += scale * (x a^T) b^T for each adapted slice of the
/// layer's output. A fused layer (q/k/v, gate/up) has a slice per projection. Reference: Hu et al.,
/// arXiv 2106.09685, equation 3.
struct LowRank {
  /// Columns [begin, begin + size) of the layer's output.
  struct Slice {
    std::int64_t begin;
    std::int64_t size;
  };
  at::Tensor a;  // [S r, in]: the first factors of the S slices
  at::Tensor b;  // [rows of all slices, r]: the second factors
  std::vector<Slice> slices;
  double scale = 1.0;
  bool on = true;  // false: the layer computes as without adapters

  /// The first and the second factor of a slice: [r, in], [size, r].
  at::Tensor first(std::size_t slice, const at::Tensor& of_a) const;
  at::Tensor second(std::size_t slice, const at::Tensor& of_b) const;
  /// Adds the adapters' output to `y` [T, out] in place. x: [T, in].
  void add_to(at::Tensor& y, const at::Tensor& x) const;
};

/// x [T, in] -> x weight^T + bias [T, out], plus what the adapters add.
struct Linear {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out]; undefined: none
  // false: the product is one part of a sum over ranks, and another rank adds the bias
  bool adds_bias = true;
  std::shared_ptr<LowRank> adapters = nullptr;  // null: none

  at::Tensor operator()(const at::Tensor& x) const;
};

}  // namespace r1::nn
