#pragma once
// The weights of a GGUF file under Hugging Face names, and the shape of the model. GgufFamily in a
// family's folder describes what is special to the family. Reference: llama.cpp,
// gguf-py/gguf/constants.py (names), conversion/*.py (permutations).
#include <map>
#include <string>

#include "models/weights.h"

namespace r1::models {

/// Names of tensors in GGUF files and in Hugging Face files: outside of layers, and of a layer in
/// every family, behind "blk.N." and behind "model.layers.N.".
const std::map<std::string, std::string>& gguf_top_names();
const std::map<std::string, std::string>& gguf_layer_names();

/// Reads the shape from the metadata of the file. Throws: InputError, also for an unknown family.
ModelShape gguf_shape(const std::string& path);

/// Opens the weights. Quantised tensors are read as fp32. The rotary positions of llama.cpp pair
/// neighbouring dimensions, and the rotary positions of Hugging Face pair the two halves; rows of q
/// and k that llama.cpp permuted are therefore permuted back. Stacked experts and the split latent
/// projection become the separate tensors of Hugging Face files.
std::unique_ptr<WeightSource> open_gguf_weights(const std::string& path, const ModelShape& shape);

}  // namespace r1::models
