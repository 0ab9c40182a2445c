#include "tokenizer/definition.h"

#include <algorithm>

namespace r1::tokenizer {

std::vector<std::string> known_split_patterns(const std::string& name) {
  if (name == "gpt-2" || name == "gpt2") return {kGpt2Pattern};
  if (name == "smollm" || name == "starcoder") return {kEachDigitPattern, kGpt2Pattern};
  if (name == "qwen2" || name == "deepseek-r1-qwen") return {kQwen2Pattern};
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") return {kLlama3Pattern};
  if (name == "deepseek-v3")
    return {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|"
            "[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|"
            "\\s*[\r\n]+|\\s+(?!\\S)|\\s+"};
  return {};
}

std::string token_text(const Definition& definition, TokenId id) {
  const auto added = std::find_if(definition.added_tokens.begin(), definition.added_tokens.end(),
                                  [id](const AddedToken& token) { return token.id == id; });
  if (added != definition.added_tokens.end()) return added->content;
  const bool known = id >= 0 && static_cast<std::size_t>(id) < definition.vocab.size();
  return known ? definition.vocab[static_cast<std::size_t>(id)] : std::string();
}

}  // namespace r1::tokenizer
