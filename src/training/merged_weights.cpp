#include "training/merged_weights.h"

#include <ATen/ATen.h>

#include "models/adapters.h"

namespace r1::training {

MergedWeights::MergedWeights(const Trainer& trainer) : trainer_(trainer) {
  const auto& model = trainer.model();
  for (std::size_t i = 0; i < model.adapters().size(); ++i) adapters_.push_back(trainer.master(i));
  for (std::size_t i = 0; i < model.adapted_weights().size(); ++i)
    adapted_[model.adapted_weights()[i].weight] = i;
}

at::Tensor MergedWeights::master(std::size_t parameter) const {
  if (adapters_.empty()) return trainer_.master(parameter);
  const auto& model = trainer_.model();
  const auto found = adapted_.find(parameter);
  if (found == adapted_.end()) return model.parameters()[parameter].value.detach();
  return models::merged_weight(
      model, model.adapted_weights()[found->second], [this](std::size_t i) { return adapters_[i]; },
      trainer_.master_dtype());
}

}  // namespace r1::training
