#pragma once
// A model and its tokenizer as one GGUF file, as llama.cpp, vLLM and transformers read it.
#include <string>

#include "checkpoint/formats/ggml_types.h"
#include "models/model.h"
#include "tokenizer/definition.h"

namespace r1::models {

/// Matrices in `type` (F32, F16, BF16, Q8_0), vectors in fp32, as llama.cpp's converter writes
/// them: rows of q and k permuted where the family's rotary positions pair neighbours, Llama 3's
/// scaling as the factors of all wave lengths. `definition` null: a file without a tokenizer.
/// Experts' matrices are stacked, the router stays in fp32, and the latent attention's kv_b is
/// split into keys and values. Throws: InputError for a row that is no multiple of Q8_0's blocks of
/// 32, and a tokenizer whose pre-tokenizer has no name in GGUF. Reference: llama.cpp,
/// convert_hf_to_gguf.py and gguf-py/gguf/constants.py.
void write_gguf_model(const Model& model, const tokenizer::Definition* definition,
                      checkpoint::GgmlType type, const std::string& path);

}  // namespace r1::models
