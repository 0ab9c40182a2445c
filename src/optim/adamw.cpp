#include "optim/adamw.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "base/errors.h"
#include "optim/adamw_loops.h"

namespace r1::optim {
namespace {

using tensor::Bfloat16Bits;

constexpr std::int64_t kGrain = 1 << 15;  // elements below which a second thread does not pay

bool is_flat(const at::Tensor& tensor, std::initializer_list<at::ScalarType> dtypes) {
  if (!tensor.is_cpu() || !tensor.is_contiguous()) return false;
  for (const at::ScalarType dtype : dtypes)
    if (tensor.scalar_type() == dtype) return true;
  return false;
}

bool can_fuse(const at::Tensor& master, const at::Tensor& grad, const at::Tensor& model) {
  return is_flat(master, {at::kFloat}) && is_flat(grad, {at::kFloat, at::kBFloat16}) &&
         (!model.defined() || is_flat(model, {at::kBFloat16}));
}

void fused(at::Tensor& master, const at::Tensor& grad, at::Tensor& exp_avg, at::Tensor& exp_avg_sq,
           const at::Tensor& model, const AdamWFactors& factors) {
  auto* p = master.data_ptr<float>();
  auto* m = exp_avg.data_ptr<float>();
  auto* v = exp_avg_sq.data_ptr<float>();
  auto* out = model.defined() ? static_cast<Bfloat16Bits*>(model.data_ptr()) : nullptr;
  at::parallel_for(0, master.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    const auto run = [&](const auto* g) {
      adamw(p + begin, g + begin, m + begin, v + begin, out ? out + begin : nullptr, end - begin,
            factors);
    };
    if (grad.scalar_type() == at::kFloat)
      run(grad.data_ptr<float>());
    else
      run(static_cast<const Bfloat16Bits*>(grad.data_ptr()));
  });
}

void plain(at::Tensor& master, const at::Tensor& grad, at::Tensor& exp_avg, at::Tensor& exp_avg_sq,
           const AdamWStep& step, double correction1, double correction2) {
  const at::Tensor g = grad.to(master.scalar_type()).reshape(master.sizes()) * step.grad_scale;
  master.mul_(1.0 - step.learning_rate * step.weight_decay);
  exp_avg.mul_(step.beta1).add_(g, 1.0 - step.beta1);
  exp_avg_sq.mul_(step.beta2).addcmul_(g, g, 1.0 - step.beta2);
  const at::Tensor root = exp_avg_sq.sqrt().div_(std::sqrt(correction2)).add_(step.epsilon);
  master.addcdiv_(exp_avg, root, -step.learning_rate / correction1);
}

}  // namespace

void adamw_update(at::Tensor master, const at::Tensor& grad, at::Tensor exp_avg,
                  at::Tensor exp_avg_sq, at::Tensor model, const AdamWStep& step) {
  R1_CHECK(grad.numel() == master.numel() && (!model.defined() || model.numel() == master.numel()),
           "{} master weights, {} gradients", master.numel(), grad.numel());
  const at::NoGradGuard guard;
  const double correction1 = 1.0 - std::pow(step.beta1, static_cast<double>(step.step));
  const double correction2 = 1.0 - std::pow(step.beta2, static_cast<double>(step.step));
  if (can_fuse(master, grad, model)) {
    fused(master, grad, exp_avg, exp_avg_sq, model,
          {static_cast<float>(1.0 - step.learning_rate * step.weight_decay),
           static_cast<float>(step.beta1), static_cast<float>(step.beta2),
           static_cast<float>(step.learning_rate / correction1),
           static_cast<float>(1.0 / std::sqrt(correction2)), static_cast<float>(step.epsilon),
           static_cast<float>(step.grad_scale)});
    return;
  }
  plain(master, grad, exp_avg, exp_avg_sq, step, correction1, correction2);
  if (model.defined()) model.copy_(master.reshape(model.sizes()));
}

std::size_t AdamW::add(const at::Tensor& model, bool decay) {
  const at::NoGradGuard guard;
  AdamWSlot slot;
  const at::Tensor weight = model.detach();
  const bool own_master = weight.is_contiguous() && (weight.scalar_type() == at::kFloat ||
                                                     weight.scalar_type() == at::kDouble);
  slot.master = own_master ? weight : weight.to(at::kFloat).contiguous();
  if (!own_master) slot.model = weight;
  slot.exp_avg = at::zeros_like(slot.master);
  slot.exp_avg_sq = at::zeros_like(slot.master);
  slot.decay = decay;
  slots_.push_back(std::move(slot));
  return slots_.size() - 1;
}

void AdamW::step(const std::vector<at::Tensor>& grads, double learning_rate, double grad_scale) {
  R1_CHECK(grads.size() == slots_.size(), "{} gradients for {} slots", grads.size(), slots_.size());
  ++num_steps_;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    AdamWSlot& slot = slots_[i];
    const at::Tensor grad = grads[i].defined() ? grads[i] : at::zeros_like(slot.master);
    adamw_update(slot.master, grad, slot.exp_avg, slot.exp_avg_sq, slot.model,
                 {learning_rate, options_.beta1, options_.beta2, options_.epsilon,
                  slot.decay ? options_.weight_decay : 0.0, num_steps_, grad_scale});
  }
}

bool decays(const at::Tensor& parameter) {
  return parameter.dim() >= 2;
}

}  // namespace r1::optim
