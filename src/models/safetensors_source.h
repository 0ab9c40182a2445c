#pragma once
// Weights of a Hugging Face folder (safetensors).
#include "models/weights.h"

namespace r1::models {

/// fp8 weights (F8_E4M3 with `NAME_scale_inv`, blocks of config.json's
/// quantization_config.weight_block_size, as DeepSeek-V3's) are read as fp32; their scales are no
/// tensors of their own. Throws: InputError.
std::unique_ptr<WeightSource> open_safetensors_weights(const std::string& folder);

/// Writes the parameters of a model or classifier under their Hugging Face names, in shards of at
/// most `shard_bytes`. fp64 is written as F64. Throws: InputError.
void write_safetensors_weights(std::span<const Parameter> parameters, const std::string& folder,
                               std::size_t shard_bytes);

}  // namespace r1::models
