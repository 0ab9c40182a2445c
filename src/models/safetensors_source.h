#pragma once
// The weights of a Hugging Face folder (safetensors).
#include <map>

#include "models/weights.h"

namespace r1::models {

/// The name of a dtype in safetensors files: "BF16". Throws: InternalError if the format has none.
std::string safetensors_dtype(at::ScalarType dtype);

/// Opens the weights. fp8 weights are read as fp32: F8_E4M3 with the scales `NAME_scale_inv` per
/// block of quantization_config.weight_block_size in config.json, as in DeepSeek-V3. The scales are
/// not listed as tensors. Throws: InputError.
std::unique_ptr<WeightSource> open_safetensors_weights(const std::string& folder);

/// Reads all tensors of one file by name, on the CPU in their own dtypes (F64, F32, BF16 or F16).
/// Throws: InputError.
std::map<std::string, at::Tensor> read_safetensors_file(const std::string& file);

/// Writes the parameters of a model or classifier under their Hugging Face names, in shards of at
/// most `shard_bytes`. fp64 is written as F64. Throws: InputError.
void write_safetensors_weights(std::span<const Parameter> parameters, const std::string& folder,
                               std::size_t shard_bytes);

}  // namespace r1::models
