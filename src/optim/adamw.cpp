#include "optim/adamw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/errors.h"
#include "kernels/adamw_kernels.h"
#include "tensor/host_memory.h"

namespace r1::optim {
namespace {

constexpr std::int64_t kHostPiece = 1 << 22;  // elements that travel at a time

double correction(double beta, const AdamWStep& step) {
  return 1.0 - std::pow(beta, static_cast<double>(step.step));
}

kernels::AdamWFactors factors_of(const AdamWStep& step) {
  return {static_cast<float>(1.0 - step.learning_rate * step.weight_decay),
          static_cast<float>(step.beta1),
          static_cast<float>(step.beta2),
          static_cast<float>(step.learning_rate / correction(step.beta1, step)),
          static_cast<float>(1.0 / std::sqrt(correction(step.beta2, step))),
          static_cast<float>(step.epsilon),
          static_cast<float>(step.grad_scale)};
}

void plain(at::Tensor& master, const at::Tensor& grad, at::Tensor& exp_avg, at::Tensor& exp_avg_sq,
           const AdamWStep& step) {
  const double correction1 = correction(step.beta1, step),
               correction2 = correction(step.beta2, step);
  const at::Tensor g = grad.to(master.scalar_type()).reshape(master.sizes()) * step.grad_scale;
  master.mul_(1.0 - step.learning_rate * step.weight_decay);
  exp_avg.mul_(step.beta1).add_(g, 1.0 - step.beta1);
  exp_avg_sq.mul_(step.beta2).addcmul_(g, g, 1.0 - step.beta2);
  const at::Tensor root = exp_avg_sq.sqrt().div_(std::sqrt(correction2)).add_(step.epsilon);
  master.addcdiv_(exp_avg, root, -step.learning_rate / correction1);
}

/// torch's fused AdamW; the gradients are left multiplied by step.grad_scale.
void torch_fused(const std::vector<kernels::AdamWTensors>& slots, const AdamWStep& step) {
  std::vector<at::Tensor> masters, grads, exp_avgs, exp_avg_sqs, steps, models, rounded;
  const auto number = at::scalar_tensor(static_cast<double>(step.step),
                                        slots.front().master.options().dtype(at::kFloat));
  for (const auto& slot : slots) {
    masters.push_back(slot.master);
    grads.push_back(slot.grad.view(slot.master.sizes()));
    exp_avgs.push_back(slot.exp_avg);
    exp_avg_sqs.push_back(slot.exp_avg_sq);
    steps.push_back(number);
    if (!slot.model.defined()) continue;
    models.push_back(slot.model);
    rounded.push_back(slot.master.view(slot.model.sizes()));
  }
  if (step.grad_scale != 1.0) at::_foreach_mul_(grads, step.grad_scale);
  at::_fused_adamw_(masters, grads, exp_avgs, exp_avg_sqs, /*max_exp_avg_sqs=*/{}, steps,
                    step.learning_rate, step.beta1, step.beta2, step.weight_decay, step.epsilon,
                    /*amsgrad=*/false, /*maximize=*/false);
  if (!models.empty()) at::_foreach_copy_(models, rounded);
}

/// The update of a slot whose state is on the host: gradient down, weights up, piece by piece. The
/// next piece's gradient and the last piece's weights travel while the host updates a piece.
void update_on_host(const AdamWSlot& slot, const at::Tensor& grad, const AdamWStep& step) {
  const auto flat_grad = grad.reshape(-1), weights = slot.model.view(-1);
  const auto size = weights.numel();
  const auto piece_at = [size](const at::Tensor& all, std::int64_t begin) {
    return all.view(-1).narrow(0, begin, std::min(kHostPiece, size - begin));
  };
  const bool rounds = weights.scalar_type() != slot.master.scalar_type();
  std::optional<tensor::HostCopy> next;
  if (size > 0) next.emplace(piece_at(flat_grad, 0));
  for (std::int64_t begin = 0; begin < size; begin += kHostPiece) {
    const auto arriving = *std::exchange(next, std::nullopt);
    if (begin + kHostPiece < size) next.emplace(piece_at(flat_grad, begin + kHostPiece));
    const auto master = piece_at(slot.master, begin), model = piece_at(weights, begin);
    const auto rounded =
        rounds ? tensor::host_memory(model.sizes(), model.scalar_type(), model.device())
               : at::Tensor();
    adamw_update(master, arriving.wait(), piece_at(slot.exp_avg, begin),
                 piece_at(slot.exp_avg_sq, begin), rounded, step);
    model.copy_(rounds ? rounded : master, /*non_blocking=*/rounds);
  }
}

}  // namespace

at::ScalarType master_dtype(at::ScalarType model) {
  return model == at::kDouble ? at::kDouble : at::kFloat;
}

void adamw_update(at::Tensor master, const at::Tensor& grad, at::Tensor exp_avg,
                  at::Tensor exp_avg_sq, at::Tensor model, const AdamWStep& step) {
  R1_CHECK(grad.numel() == master.numel() && (!model.defined() || model.numel() == master.numel()),
           "{} master weights, {} gradients", master.numel(), grad.numel());
  const at::NoGradGuard guard;
  const kernels::AdamWTensors slot{master, grad, exp_avg, exp_avg_sq, model};
  if (kernels::has_adamw_loops(slot)) return kernels::adamw_on_cpu(slot, factors_of(step));
  plain(master, grad, exp_avg, exp_avg_sq, step);
  if (model.defined()) model.copy_(master.reshape(model.sizes()));
}

void adamw_update_together(const std::vector<AdamWSlot*>& slots, std::vector<at::Tensor> grads,
                           const AdamWStep& step) {
  if (slots.empty()) return;
  const at::NoGradGuard guard;
  std::vector<kernels::AdamWTensors> tensors;
  for (std::size_t i = 0; i < slots.size(); ++i)
    tensors.push_back(
        {slots[i]->master, grads[i], slots[i]->exp_avg, slots[i]->exp_avg_sq, slots[i]->model});
  if (std::all_of(tensors.begin(), tensors.end(), kernels::has_adamw_kernel))
    kernels::adamw_on_gpu(tensors, factors_of(step));
  else
    torch_fused(tensors, step);
}

std::size_t AdamW::add(const at::Tensor& model, bool decay, StatePlace place) {
  const at::NoGradGuard guard;
  AdamWSlot slot;
  slot.decay = decay;
  slot.place = place;
  const at::Tensor weight = model.detach();
  const auto dtype = master_dtype(weight.scalar_type());
  if (place == StatePlace::Host) {
    // Only gradients and rounded weights travel, so the state needs no pinned memory, which takes
    // the system minutes for a large model.
    slot.master = weight.to(at::kCPU, dtype, /*non_blocking=*/false, /*copy=*/true);
    slot.exp_avg = at::zeros_like(slot.master);
    slot.exp_avg_sq = at::zeros_like(slot.master);
    slot.model = weight;
  } else {
    const bool own_master = weight.is_contiguous() && weight.scalar_type() == dtype;
    slot.master = own_master ? weight : weight.to(dtype).contiguous();
    if (!own_master) slot.model = weight;
    slot.exp_avg = at::zeros_like(slot.master);
    slot.exp_avg_sq = at::zeros_like(slot.master);
  }
  slots_.push_back(std::move(slot));
  return slots_.size() - 1;
}

void AdamW::step(const std::vector<at::Tensor>& grads, double learning_rate, double grad_scale) {
  R1_CHECK(grads.size() == slots_.size(), "{} gradients for {} slots", grads.size(), slots_.size());
  ++num_steps_;
  std::array<std::vector<AdamWSlot*>, 2> together;  // without and with weight decay
  std::array<std::vector<at::Tensor>, 2> their_grads;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    AdamWSlot& slot = slots_[i];
    const at::Tensor grad = grads[i].defined() ? grads[i] : at::zeros_like(slot.master);
    const AdamWStep step = step_of(slot, learning_rate, grad_scale);
    if (slot.place == StatePlace::Host) {
      update_on_host(slot, grad, step);
    } else if (kernels::shares_launches(slot.master, grad)) {
      together[slot.decay].push_back(&slot);
      their_grads[slot.decay].push_back(grad);
    } else {
      adamw_update(slot.master, grad, slot.exp_avg, slot.exp_avg_sq, slot.model, step);
    }
  }
  for (std::size_t decay = 0; decay < together.size(); ++decay)
    if (!together[decay].empty())
      adamw_update_together(together[decay], std::move(their_grads[decay]),
                            step_of(*together[decay].front(), learning_rate, grad_scale));
}

AdamWStep AdamW::step_of(const AdamWSlot& slot, double learning_rate, double grad_scale) const {
  return {learning_rate,
          options_.beta1,
          options_.beta2,
          options_.epsilon,
          slot.decay ? options_.weight_decay : 0.0,
          num_steps_,
          grad_scale};
}

bool decays(const at::Tensor& parameter) {
  return parameter.dim() >= 2;
}

}  // namespace r1::optim
