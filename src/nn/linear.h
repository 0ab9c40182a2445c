#pragma once
// A matrix product with an optional bias.
#include <ATen/core/Tensor.h>

namespace r1::nn {

/// x [T, in] -> x weight^T + bias [T, out].
struct Linear {
  at::Tensor weight;      // [out, in]
  at::Tensor bias;        // [out]; undefined: none
  bool adds_bias = true;  // false: a split product whose sum another rank adds it to

  at::Tensor operator()(const at::Tensor& x) const;
};

}  // namespace r1::nn
