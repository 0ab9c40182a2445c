#pragma once
// Weights of a GGUF file of the Llama family, under Hugging Face names.
#include "models/weights.h"

namespace r1::models {

/// Shape from the file's metadata. Throws: InputError for another family than llama.
ModelShape gguf_shape(const std::string& path);

/// Quantised tensors are read as fp32; rows of q and k are put back into Hugging Face's order
/// (llama.cpp pairs neighbouring dimensions in its rotary embedding, Hugging Face the two halves).
std::unique_ptr<WeightSource> open_gguf_weights(const std::string& path, const ModelShape& shape);

}  // namespace r1::models
