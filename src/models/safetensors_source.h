#pragma once
// Weights of a Hugging Face folder (safetensors).
#include "models/weights.h"

namespace r1::models {

/// Throws: InputError.
std::unique_ptr<WeightSource> open_safetensors_weights(const std::string& folder);

/// Writes the model's tensors under their Hugging Face names, in shards of at most `shard_bytes`.
/// fp64 models are written as F64. Throws: InputError.
void write_safetensors_weights(const Model& model, const std::string& folder,
                               std::size_t shard_bytes);

}  // namespace r1::models
