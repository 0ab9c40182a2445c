#pragma once
// The definition of a tokenizer, independent of the file format.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace r1::tokenizer {

using TokenId = std::int32_t;

/// A token that is matched in the text before the text is split.
struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = true;      // control token: decode() can omit it, encode() can ignore it
  bool normalized = false;  // its normalised form is matched in the normalised text
};

/// A chat template in Jinja; `origin` names the template in errors.
struct NamedTemplate {
  std::string name;  // "default" is the template for conversations; others have special uses
  std::string text;
  std::string origin;

  bool operator==(const NamedTemplate& other) const {
    return name == other.name && text == other.text;
  }
};

/// Texts of special tokens, by their names in tokenizer_config.json: "bos_token" -> "<s>".
using SpecialTokens = std::map<std::string, std::string>;

enum class Normaliser { None, Nfc };

struct Definition {
  /// The token of each id, spelled in GPT-2's byte alphabet ("Ġthe"); empty: the id is unused.
  std::vector<std::string> vocab;
  std::vector<std::pair<std::string, std::string>> merges;  // by rank, best first
  std::vector<AddedToken> added_tokens;                     // ascending ids
  Normaliser normaliser = Normaliser::None;
  /// Regular expressions that split the text one after another, each within the pieces of the
  /// expression before. The text between matches is also a piece.
  std::vector<std::string> split_patterns;
  bool ignore_merges = false;  // a piece that is a token is not built by merges (Llama 3)
  bool adds_bos = false;       // the model expects bos before plain text; encode() does not add bos
  std::optional<TokenId> bos_id;
  std::vector<TokenId> eos_ids;  // the first ends a training sample; each ends generation
  std::optional<TokenId> pad_id;
  /// As named in the files, for chat templates and messages; a special token may be missing from
  /// the vocabulary.
  SpecialTokens special_tokens;
  std::vector<NamedTemplate> chat_templates;  // templates of the model
  std::int64_t max_length = 0;                // in tokens; 0: not stated
};

// Split patterns of known tokenizers, as written in their tokenizer.json.
inline constexpr const char* kEachDigitPattern = R"(\p{N})";
inline constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Split patterns by the names in GGUF files: "gpt-2", "smollm", "qwen2", "llama-bpe",
/// "deepseek-v3", "deepseek-r1-qwen"; empty for other names.
std::vector<std::string> known_split_patterns(const std::string& name);

/// The text of a token of the definition, including added tokens. Empty: the id is unused.
std::string token_text(const Definition& definition, TokenId id);

}  // namespace r1::tokenizer
