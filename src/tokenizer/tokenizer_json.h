#pragma once
// Reads the tokenizer files of Hugging Face folders. Reference: tokenizer.json as written by
// Hugging Face's `tokenizers` 0.13 to 0.23; tokenizer_config.json and chat_template.jinja as
// written by transformers 4 and 5.
#include <string>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// Reads tokenizer.json and, if present, tokenizer_config.json, special_tokens_map.json (if
/// transformers would read it), chat_template.jinja, additional_chat_templates/*.jinja,
/// chat_template.json, generation_config.json and config.json (the ids that end generation).
/// Throws: InputError naming the file and the wrong or unsupported entry; only byte-level BPE is
/// supported.
Definition read_tokenizer_json(const std::string& folder);

}  // namespace r1::tokenizer
