#pragma once
// Parameters of a model as tensors of a checkpoint: under their Hugging Face names, each rank's
// parts as boxes of the whole tensor.
#include <string>
#include <vector>

#include "checkpoint/sharded_tensor.h"
#include "models/model.h"
#include "models/split_model.h"

namespace r1::models {

/// What `slice` says of a range of a parameter, under the name prefix + its own: this rank's boxes
/// of the tensor.
checkpoint::ShardedTensor sharded_tensor(const FlatRange& range, const Parameter& parameter,
                                         const WeightSlice& slice, const std::string& prefix = "");
/// The same of a whole parameter's values.
checkpoint::ShardedTensor sharded_tensor(const Parameter& parameter, const WeightSlice& slice,
                                         const std::string& prefix = "");

/// All tensors of a model that is whole on this rank.
std::vector<checkpoint::ShardedTensor> model_tensors(const Model& model);

}  // namespace r1::models
