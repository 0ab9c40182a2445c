#pragma once
// The tokenizer inside a GGUF file.
#include "checkpoint/formats/gguf.h"
#include "tokenizer/definition.h"

namespace r1::checkpoint {

/// Throws: InputError naming file and key, for tokenizers other than byte-level BPE ("gpt2") and
/// for pre-tokenizers that are not known.
/// Reference: tokenizer.ggml.* of ggml's docs/gguf.md; names of pre-tokenizers as in llama.cpp.
tokenizer::Definition read_gguf_tokenizer(const GgufFile& file);

}  // namespace r1::checkpoint
