#pragma once
// Which chat template a model uses: by name, or recognised from its Jinja text.
#include <string>

#include "tokenizer/chat_template.h"
#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// Names for configurations: "auto" (detect_chat_template), "chatml", "qwen2.5", "qwen3",
/// "smollm2", "llama3", "llama3.1", "deepseek-v3", "deepseek-r1", "guide", "r1-zero".
/// bos and eos are those of the definition. Throws: InputError naming the name.
ChatTemplate make_chat_template(const std::string& name, const Definition& definition);

/// Recognises the definition's Jinja text. Throws: InputError when it has none or it is of no known
/// form.
ChatTemplate detect_chat_template(const Definition& definition);

}  // namespace r1::tokenizer
