#pragma once
// Weights of a GGUF file under Hugging Face names, and its model's shape. What a family's files
// look like is said in its folder (GgufFamily); the rest is common to all. Reference: llama.cpp,
// gguf-py/gguf/constants.py (names), conversion/*.py (what is permuted).
#include <map>
#include <string>

#include "models/weights.h"

namespace r1::models {

/// Names of tensors in GGUF files and in Hugging Face files: outside of layers, and of a layer in
/// every family, behind "blk.N." and behind "model.layers.N.".
const std::map<std::string, std::string>& gguf_top_names();
const std::map<std::string, std::string>& gguf_layer_names();

/// Shape from the file's metadata. Throws: InputError, also for a family that is not known.
ModelShape gguf_shape(const std::string& path);

/// Quantised tensors are read as fp32. Rows of q and k that llama.cpp permuted (its rotary
/// embedding pairs neighbouring dimensions, Hugging Face's the two halves) are put back in order,
/// stacked experts and the split latent projection become the tensors of Hugging Face files.
std::unique_ptr<WeightSource> open_gguf_weights(const std::string& path, const ModelShape& shape);

}  // namespace r1::models
