#include "checkpoint/formats/gguf_tokenizer.h"

#include <algorithm>

#include "base/errors.h"

namespace r1::checkpoint {
namespace {

// Values of tokenizer.ggml.token_type.
constexpr std::int64_t kControl = 3;
constexpr std::int64_t kUserDefined = 4;
constexpr std::int64_t kUnused = 5;

std::optional<tokenizer::TokenId> optional_id(const GgufFile& file, const std::string& key,
                                              std::size_t num_tokens) {
  if (!file.has(key)) return std::nullopt;
  const std::int64_t id = file.integer(key);
  if (id < 0 || static_cast<std::size_t>(id) >= num_tokens)
    throw base::InputError(fmt::format("{}: key {}: expected an id below {}, found {}", file.path(),
                                       key, num_tokens, id));
  return static_cast<tokenizer::TokenId>(id);
}

void read_tokens(const GgufFile& file, tokenizer::Definition& definition) {
  const auto& tokens = file.strings("tokenizer.ggml.tokens");
  const auto& types = file.integers("tokenizer.ggml.token_type");
  if (types.size() != tokens.size())
    throw base::InputError(
        fmt::format("{}: key tokenizer.ggml.token_type: expected {} values, found {}", file.path(),
                    tokens.size(), types.size()));
  definition.vocab.resize(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] == kUnused) continue;  // padding rows of the embedding
    definition.vocab[id] = std::string(tokens[id]);
    if (types[id] == kControl || types[id] == kUserDefined)
      definition.added_tokens.push_back({definition.vocab[id], static_cast<tokenizer::TokenId>(id),
                                         types[id] == kControl, false});
  }
  while (!definition.vocab.empty() && definition.vocab.back().empty()) definition.vocab.pop_back();
}

void read_merges(const GgufFile& file, tokenizer::Definition& definition) {
  for (const std::string_view merge : file.strings("tokenizer.ggml.merges")) {
    const std::size_t space = merge.find(' ');
    if (space == std::string_view::npos)
      throw base::InputError(fmt::format(
          "{}: key tokenizer.ggml.merges: expected \"a b\", found {}", file.path(), merge));
    definition.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
}

void read_splitting(const GgufFile& file, tokenizer::Definition& definition) {
  const std::string key = "tokenizer.ggml.pre";
  const std::string name = file.has(key) ? file.string(key) : "gpt-2";
  definition.split_patterns = tokenizer::known_split_patterns(name);
  if (definition.split_patterns.empty())
    throw base::InputError(
        fmt::format("{}: key {}: unknown pre-tokenizer {}", file.path(), key, name));
  if (name == "qwen2") definition.normaliser = tokenizer::Normaliser::Nfc;
  definition.ignore_merges = name == "llama-bpe" || name == "llama3" || name == "llama-v3";
  definition.adds_bos = definition.ignore_merges;  // llama.cpp's default where no key says it
}

/// The default one, and those that "tokenizer.chat_templates" lists.
void read_chat_templates(const GgufFile& file, tokenizer::Definition& definition) {
  const std::string key = "tokenizer.chat_template";
  const auto add = [&](const std::string& name, const std::string& place) {
    definition.chat_templates.push_back(
        {name, file.string(place), fmt::format("{}: key {}", file.path(), place)});
  };
  if (file.has(key)) add("default", key);
  if (!file.has(key + "s")) return;
  for (const std::string_view name : file.strings(key + "s"))
    add(std::string(name), fmt::format("{}.{}", key, name));
}

/// Names and texts of the special tokens, as chat templates ask for them.
void name_special_tokens(const GgufFile& file, tokenizer::Definition& definition) {
  const auto add = [&definition](const char* name, const tokenizer::TokenId id) {
    definition.special_tokens[name] = tokenizer::token_text(definition, id);
  };
  if (definition.bos_id) add("bos_token", *definition.bos_id);
  if (!definition.eos_ids.empty()) add("eos_token", definition.eos_ids.front());
  if (definition.pad_id) add("pad_token", *definition.pad_id);
  if (const auto unk =
          optional_id(file, "tokenizer.ggml.unknown_token_id", definition.vocab.size()))
    add("unk_token", *unk);
}

}  // namespace

tokenizer::Definition read_gguf_tokenizer(const GgufFile& file) {
  const std::string model = file.string("tokenizer.ggml.model");
  if (model != "gpt2")
    throw base::InputError(
        fmt::format("{}: key tokenizer.ggml.model: expected gpt2, found {}", file.path(), model));
  tokenizer::Definition definition;
  read_tokens(file, definition);
  read_merges(file, definition);
  read_splitting(file, definition);
  const std::size_t num_tokens = definition.vocab.size();
  definition.bos_id = optional_id(file, "tokenizer.ggml.bos_token_id", num_tokens);
  definition.pad_id = optional_id(file, "tokenizer.ggml.padding_token_id", num_tokens);
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const auto id = optional_id(file, key, num_tokens);
    auto& eos = definition.eos_ids;
    if (id && std::find(eos.begin(), eos.end(), *id) == eos.end()) eos.push_back(*id);
  }
  name_special_tokens(file, definition);
  if (file.has("tokenizer.ggml.add_bos_token"))
    definition.adds_bos = file.boolean("tokenizer.ggml.add_bos_token");
  read_chat_templates(file, definition);
  const std::string context = file.string("general.architecture") + ".context_length";
  if (file.has(context)) definition.max_length = file.integer(context);
  return definition;
}

}  // namespace r1::checkpoint
