#pragma once
// Writes the tokenizer files of a Hugging Face folder. Reference: tokenizer.json as `tokenizers`
// 0.23 reads it; the other files as transformers 5 reads them.
#include <string>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json, generation_config.json
/// (bos, eos and pad ids) and chat_template.jinja. With these files transformers' AutoTokenizer
/// produces the same ids as Tokenizer. Throws: InputError.
void write_tokenizer_files(const Definition& definition, const std::string& folder);

}  // namespace r1::tokenizer
