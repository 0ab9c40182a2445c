#pragma once
// AdamW on flat tensors: master weights and moments in fp32 (fp64 for tests); the model's weights
// are written in the same pass.
//
// p = p (1 - lr wd); m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
// p = p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps), t from 1, g = grad_scale x gradient.
// Reference: Loshchilov and Hutter, arXiv 1711.05101, algorithm 2.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "optim/options.h"

namespace r1::optim {

/// The scalars of one update of one tensor.
struct AdamWStep {
  double learning_rate;
  double beta1, beta2, epsilon;
  double weight_decay;
  std::int64_t step;        // t, from 1
  double grad_scale = 1.0;  // clip_scale()
};

/// Updates one flat range. master, exp_avg, exp_avg_sq: contiguous, of one dtype (fp32 or fp64) and
/// one size. grad: of the same size, any float dtype, not changed. model: undefined, or the tensor
/// that the forward pass reads (any float dtype), which receives the rounded master. One fused pass
/// on the CPU for fp32 masters with fp32 or bf16 gradients.
void adamw_update(at::Tensor master, const at::Tensor& grad, at::Tensor exp_avg,
                  at::Tensor exp_avg_sq, at::Tensor model, const AdamWStep& step);

struct AdamWSlot;

/// adamw_update of many slots in a few launches, for GPUs: one kernel for fp32 masters of bf16 or
/// fp32 weights, else torch's fused AdamW. Masters, moments and `grads` (in the order of the slots)
/// have one dtype. The values of the gradients afterwards are unspecified.
void adamw_update_together(const std::vector<AdamWSlot*>& slots, std::vector<at::Tensor> grads,
                           const AdamWStep& step);

/// Where master weights and moments are stored and updated. Host: in host memory; gradients and
/// new weights are transferred in pieces of bounded size.
/// Reference: Ren et al., ZeRO-Offload, arXiv 2101.06840.
enum class StatePlace { WithModel, Host };

/// A parameter, or a rank's flat range of a parameter: the unit that the optimizer updates.
struct AdamWSlot {
  at::Tensor master;  // fp32, or fp64
  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
  at::Tensor model;   // undefined if the model reads `master` itself
  bool decay = true;  // false for norms and biases
  StatePlace place = StatePlace::WithModel;
};

/// The dtype of the master weight for a weight of dtype `model`.
at::ScalarType master_dtype(at::ScalarType model);

/// All slots of a rank and the number of steps taken. Checkpoints contain the slots and num_steps.
class AdamW {
 public:
  explicit AdamW(const OptimizerOptions& options) : options_(options) {}

  /// Adds a parameter whose weight in the model is `model`, which may be a view. The master weight
  /// is an fp32 copy; a weight in fp32 or fp64 is its own master weight, unless the state is on the
  /// host. Returns the index of the slot.
  std::size_t add(const at::Tensor& model, bool decay, StatePlace place = StatePlace::WithModel);

  /// Takes one step of all slots. `grads` is in the order of add(); an undefined gradient counts as
  /// zeros. The values of the gradients afterwards are unspecified.
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

/// Whether weight decay applies to the parameter: true for matrices, false for norms and biases
/// (one dim).
bool decays(const at::Tensor& parameter);

}  // namespace r1::optim
