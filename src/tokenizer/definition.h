#pragma once
// What a tokenizer is made of, whichever file it came from.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace r1::tokenizer {

using TokenId = std::int32_t;

/// A token matched in the text itself, before anything is split.
struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = true;      // control token: decode() can leave it out, encode() can ignore it
  bool normalized = false;  // its normal form is looked for in the normalised text
};

/// A chat template in Jinja; `origin` names it in errors.
struct NamedTemplate {
  std::string name;  // "default" is the one for conversations, others have uses of their own
  std::string text;
  std::string origin;

  bool operator==(const NamedTemplate& other) const {
    return name == other.name && text == other.text;
  }
};

/// Text of a special token by its name in tokenizer_config.json: "bos_token" -> "<s>".
using SpecialTokens = std::map<std::string, std::string>;

enum class Normaliser { None, Nfc };

struct Definition {
  /// Token of each id, spelled in GPT-2's byte alphabet ("Ġthe"); empty: no such id.
  std::vector<std::string> vocab;
  std::vector<std::pair<std::string, std::string>> merges;  // best first
  std::vector<AddedToken> added_tokens;                     // ascending ids
  Normaliser normaliser = Normaliser::None;
  /// Regular expressions that cut the text in turn, each inside the pieces of the one before; what
  /// lies between matches is a piece too.
  std::vector<std::string> split_patterns;
  bool ignore_merges = false;  // a piece that is a token is not merged up (Llama 3)
  bool adds_bos = false;       // the model expects bos before plain text; encode() does not add it
  std::optional<TokenId> bos_id;
  std::vector<TokenId> eos_ids;  // the first ends a training sample; each ends generation
  std::optional<TokenId> pad_id;
  /// As the files name them, for chat templates and messages: the vocabulary may lack one.
  SpecialTokens special_tokens;
  std::vector<NamedTemplate> chat_templates;  // the model's own
  std::int64_t max_length = 0;                // tokens, 0: not stated
};

// Patterns of known tokenizers, as their tokenizer.json spells them.
inline constexpr const char* kEachDigitPattern = R"(\p{N})";
inline constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Split patterns by the name GGUF files use: "gpt-2", "smollm", "qwen2", "llama-bpe",
/// "deepseek-v3", "deepseek-r1-qwen"; empty for any other name.
std::vector<std::string> known_split_patterns(const std::string& name);

/// Text of a definition's token; added tokens included. Empty: no such id.
std::string token_text(const Definition& definition, TokenId id);

}  // namespace r1::tokenizer
