#include "nn/mlp.h"

#include <ATen/ATen.h>

#include "kernels/silu_mul.h"
#include "nn/activation_checkpoint.h"

namespace r1::nn {

at::Tensor GatedMlp::operator()(const at::Tensor& x) const {
  const bool by_halves =
      !kernels::fuses_silu_mul(x) && at::GradMode::is_enabled() && !gate_up.adapters;
  if (by_halves) return down(gated_by_halves(x));
  // An adapter of the last product needs the values that go into it.
  if (down.adapters) return down(kernels::silu_mul(gate_up(x)));
  return kernels::silu_mul_linear(gate_up(x), down.weight,
                                  down.adds_bias ? down.bias : at::Tensor(), !computes_again());
}

at::Tensor GatedMlp::gated_by_halves(const at::Tensor& x) const {
  const auto weights = gate_up.weight.chunk(2);
  const auto biases =
      gate_up.bias.defined() ? gate_up.bias.chunk(2) : std::vector<at::Tensor>(weights.size());
  const Linear gate{weights[0], biases[0]}, up{weights[1], biases[1]};
  return at::silu(gate(x)) * up(x);
}

}  // namespace r1::nn
