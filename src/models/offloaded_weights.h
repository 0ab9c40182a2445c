#pragma once
// A frozen model whose weights live in host memory while it computes nothing.
#include <vector>

#include "models/model.h"

namespace r1::models {

/// Moves a model's weights to (pinned, for a model on a GPU) host memory. Between uses the values
/// of its parameters are there, where they may be read and replaced in place; a Use holds a copy of
/// them on the model's device.
class OffloadedWeights {
 public:
  /// `model` outlives it, and nobody holds views of its parameters.
  explicit OffloadedWeights(Model& model);

  /// The model computes while one lives. Its weights are not changed meanwhile.
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
  std::vector<at::Tensor> host_;  // by parameter
};

}  // namespace r1::models
