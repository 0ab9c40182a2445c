#pragma once
// Forward passes of replicas that share experts: each pass exchanges tokens between them, so that
// all must make equally many, also those that have no samples left.
#include <functional>

#include "models/model.h"

namespace r1::models {

/// One phase of work on a model, such as the micro-batches of a step:
///
///   Lockstep lockstep(model);
///   for each batch of this rank: { lockstep.begin_pass(); model.forward(…) … }
///   lockstep.finish();          // idle passes until the other replicas are done, too
///
/// Costs nothing unless replicas share experts.
class Lockstep {
 public:
  /// `backward`: what follows every forward, with its loss; none: passes without gradients.
  using Backward = std::function<void(const at::Tensor& loss)>;
  explicit Lockstep(const Model& model, Backward backward = {});
  /// Whether replicas share experts.
  bool needed() const { return needed_; }
  /// Collective over: the expert axis.
  void begin_pass();
  /// Collective over: the expert axis.
  void finish();

 private:
  bool anyone_works(bool i_work);
  void idle_pass() const;

  const Model& model_;
  Backward backward_;
  bool needed_;
};

}  // namespace r1::models
