#pragma once
// A frozen model whose weights are in host memory while the model is not in use.
#include <vector>

#include "models/model.h"

namespace r1::models {

/// Moves the weights of a model to host memory, which is pinned if the model is on a GPU. Between
/// uses, the parameters of the model refer to host memory, where the values may be read and
/// replaced in place. A Use holds a copy of the weights on the model's device.
class OffloadedWeights {
 public:
  /// `model` must outlive this object, and no views of the parameters may exist.
  explicit OffloadedWeights(Model& model);

  /// The model may compute while a Use exists. The weights must not change meanwhile.
  class Use {
   public:
    explicit Use(OffloadedWeights& weights);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    OffloadedWeights& weights_;
  };

 private:
  Model& model_;
  std::vector<at::Tensor> host_;  // one tensor per parameter
};

}  // namespace r1::models
