#pragma once
// AdamW over flat memory: master weights and moments in fp32 (fp64 for tests), the model's weights
// written in the same pass.
//
// p = p (1 - lr wd); m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
// p = p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps), t from 1, g = grad_scale x gradient.
// Reference: Loshchilov and Hutter, arXiv 1711.05101, algorithm 2.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "optim/options.h"

namespace r1::optim {

/// What one update of one tensor needs besides the tensors.
struct AdamWStep {
  double learning_rate;
  double beta1, beta2, epsilon;
  double weight_decay;
  std::int64_t step;        // t, from 1
  double grad_scale = 1.0;  // from clip_scale
};

/// One update of one flat piece. master, exp_avg, exp_avg_sq: contiguous, one dtype (fp32 or fp64),
/// one size; grad: the same size, any float dtype, not changed; model: undefined, or the tensor
/// that forward reads (any float dtype), which receives the rounded master. One fused pass on the
/// CPU for fp32 masters with fp32 or bf16 gradients.
void adamw_update(at::Tensor master, const at::Tensor& grad, at::Tensor exp_avg,
                  at::Tensor exp_avg_sq, at::Tensor model, const AdamWStep& step);

struct AdamWSlot;

/// adamw_update of many slots in a few launches, for GPUs: one kernel for fp32 masters of bf16 or
/// fp32 weights, else torch's fused AdamW. Masters, moments and `grads` (in the slots' order) have
/// one dtype. What the gradients hold afterwards is not specified.
void adamw_update_together(const std::vector<AdamWSlot*>& slots, std::vector<at::Tensor> grads,
                           const AdamWStep& step);

/// Where master weights and moments live and are updated. Host: in memory of their own (pinned, for
/// a model on a GPU); gradients and new weights travel in pieces of bounded size. Reference: Ren et
/// al., arXiv 2101.06840.
enum class StatePlace { WithModel, Host };

/// A parameter, or a rank's flat range of one: the unit that the optimizer updates.
struct AdamWSlot {
  at::Tensor master;  // fp32, or fp64
  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
  at::Tensor model;   // undefined when the model reads `master` itself
  bool decay = true;  // false: norms, biases
  StatePlace place = StatePlace::WithModel;
};

/// dtype of the master of a weight.
at::ScalarType master_dtype(at::ScalarType model);

/// All slots of a rank and the number of steps done. Slots and num_steps belong into checkpoints.
class AdamW {
 public:
  explicit AdamW(const OptimizerOptions& options) : options_(options) {}

  /// Adds a parameter whose model weight is `model` (it may be a view). The master is a copy in
  /// fp32; where the dtype is fp32 or fp64 already the weight is its own master, unless it lives on
  /// the host. Returns the slot's index.
  std::size_t add(const at::Tensor& model, bool decay, StatePlace place = StatePlace::WithModel);

  /// One step of all slots; `grads` in the order of add(), an undefined one counts as zeros. What
  /// they hold afterwards is not specified.
  void step(const std::vector<at::Tensor>& grads, double learning_rate, double grad_scale);

  std::vector<AdamWSlot>& slots() { return slots_; }
  const std::vector<AdamWSlot>& slots() const { return slots_; }
  std::int64_t num_steps() const { return num_steps_; }
  void set_num_steps(std::int64_t steps) { num_steps_ = steps; }

 private:
  AdamWStep step_of(const AdamWSlot& slot, double learning_rate, double grad_scale) const;

  OptimizerOptions options_;
  std::vector<AdamWSlot> slots_;
  std::int64_t num_steps_ = 0;
};

/// Whether weight decay applies: matrices yes; norms and biases (one dim) no.
bool decays(const at::Tensor& parameter);

}  // namespace r1::optim
