#pragma once
// A linear layer: a matrix product with an optional bias.
#include <ATen/core/Tensor.h>

namespace r1::nn {

/// x [T, in] -> x weight^T + bias [T, out].
struct Linear {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out]; undefined: none
  // false: the product is one part of a sum over ranks, and another rank adds the bias
  bool adds_bias = true;

  at::Tensor operator()(const at::Tensor& x) const;
};

}  // namespace r1::nn
