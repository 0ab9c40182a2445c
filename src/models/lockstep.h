#pragma once
// Keeps the numbers of forward passes equal on replicas that share experts or share out weights
// (weight_shards.h). Each pass exchanges tokens or weights between these replicas, so all of them
// must make the same number of passes; replicas without remaining samples make idle passes.
#include <functional>

#include "models/model.h"

namespace r1::models {

/// One phase of work on a model, such as the micro-batches of a step:
///
///   Lockstep lockstep(model);
///   for each batch of this rank: { lockstep.begin_pass(); model.forward(…) … }
///   lockstep.finish();          // idle passes until the other replicas have finished
///
/// Lockstep does nothing unless replicas share experts or gather weights.
class Lockstep {
 public:
  /// Called with a loss after every idle forward pass; empty: the idle passes have no gradients.
  using Backward = std::function<void(const at::Tensor& loss)>;
  explicit Lockstep(const Model& model, Backward backward = {});
  /// Whether replicas share experts or gather weights.
  bool needed() const { return needed_; }
  /// Collective over: the expert axis; the copies of the weights, where weights are shared out.
  void begin_pass();
  /// Frees gathered weights. Collective over: as begin_pass().
  void finish();

 private:
  bool anyone_works(bool i_work);
  void idle_pass() const;

  const Model& model_;
  Backward backward_;
  bool gathers_;
  bool needed_;
};

}  // namespace r1::models
