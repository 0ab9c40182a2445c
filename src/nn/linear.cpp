#include "nn/linear.h"

#include <ATen/ATen.h>

namespace r1::nn {

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return bias.defined() && adds_bias ? at::linear(x, weight, bias) : at::linear(x, weight);
}

}  // namespace r1::nn
