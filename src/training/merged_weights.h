#pragma once
// The weights that a trainer's model computes with, as one tensor per parameter: of a model with
// adapters, base and adapters merged.
#include <map>
#include <vector>

#include "training/trainer.h"

namespace r1::training {

class MergedWeights {
 public:
  /// Gathers the master weights of the adapters. `trainer` must outlive this object. Collective
  /// over: copies.
  explicit MergedWeights(const Trainer& trainer);

  /// The weights of model().parameters()[parameter], this rank's part: the master weights; of a
  /// model with adapters the merged weight in the dtype of the master weights, or the base's weight
  /// as it is. Collective over: copies, unless the model has adapters.
  at::Tensor master(std::size_t parameter) const;

 private:
  const Trainer& trainer_;
  std::vector<at::Tensor> adapters_;            // by index in Model::adapters()
  std::map<std::size_t, std::size_t> adapted_;  // parameter -> index in adapted_weights()
};

}  // namespace r1::training
