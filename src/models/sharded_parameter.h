#pragma once
// Conversion of a model's parameters to tensors of a checkpoint: Hugging Face names, and each
// rank's parts as boxes of the whole tensor.
#include <string>
#include <vector>

#include "checkpoint/sharded_tensor.h"
#include "models/model.h"
#include "models/split_model.h"

namespace r1::models {

/// Returns this rank's boxes of the slice's tensor, as far as `range` covers them. The name is
/// `prefix` followed by the slice's name.
checkpoint::ShardedTensor sharded_tensor(const FlatRange& range, const Parameter& parameter,
                                         const WeightSlice& slice, const std::string& prefix = "");
/// Covers the values of the whole parameter.
checkpoint::ShardedTensor sharded_tensor(const Parameter& parameter, const WeightSlice& slice,
                                         const std::string& prefix = "");

/// The boxes that `ranges` cover. Tensors of which the ranges cover nothing are missing.
std::vector<checkpoint::ShardedTensor> tensors_of(std::span<const FlatRange> ranges,
                                                  std::span<const Parameter> parameters);

/// The tensors of a model, each with the boxes that this rank holds; of shared out weights the
/// boxes that this rank keeps. Tensors of which this rank holds nothing are missing.
std::vector<checkpoint::ShardedTensor> model_tensors(const Model& model);
/// The same of Model::trained_parameters(): what differs between the base and a model with
/// adapters.
std::vector<checkpoint::ShardedTensor> trained_tensors(const Model& model);

}  // namespace r1::models
