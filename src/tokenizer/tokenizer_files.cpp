#include "tokenizer/tokenizer_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/files.h"

namespace r1::tokenizer {
namespace {

using json = nlohmann::ordered_json;

json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

// The known steps are written as the original files spell them.
json pre_tokenizer_json(const Definition& definition) {
  json steps = json::array();
  bool gpt2_last = false;
  for (const std::string& pattern : definition.split_patterns) {
    gpt2_last = pattern == kGpt2Pattern && &pattern == &definition.split_patterns.back();
    if (pattern == kEachDigitPattern)
      steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
    else if (!gpt2_last)
      steps.push_back({{"type", "Split"},
                       {"pattern", {{"Regex", pattern}}},
                       {"behavior", "Isolated"},
                       {"invert", false}});
  }
  steps.push_back(byte_level(gpt2_last));
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

json post_processor_json(const Definition& definition) {
  if (!definition.adds_bos || !definition.bos_id) return byte_level(false);
  const std::string bos = token_text(definition, *definition.bos_id);
  const json special = {{"SpecialToken", {{"id", bos}, {"type_id", 0}}}};
  const auto sequence = [](const char* name, int type) -> json {
    return {{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  const json token = {{"id", bos}, {"ids", {*definition.bos_id}}, {"tokens", {bos}}};
  return {{"type", "TemplateProcessing"},
          {"single", {special, sequence("A", 0)}},
          {"pair", {special, sequence("A", 0), special, sequence("B", 1)}},
          {"special_tokens", {{bos, token}}}};
}

json added_token_json(const AddedToken& token) {
  return {{"content", token.content}, {"single_word", false},           {"lstrip", false},
          {"rstrip", false},          {"normalized", token.normalized}, {"special", token.special}};
}

json model_json(const Definition& definition) {
  json vocab = json::object();
  auto& entries = vocab.get_ref<json::object_t&>();  // operator[] would search the list each time
  for (std::size_t id = 0; id < definition.vocab.size(); ++id)
    if (!definition.vocab[id].empty())
      static_cast<std::vector<json::object_t::value_type>&>(entries).emplace_back(
          definition.vocab[id], id);
  json merges = json::array();
  for (const auto& [left, right] : definition.merges) merges.push_back(json::array({left, right}));
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", definition.ignore_merges},
          {"vocab", std::move(vocab)},
          {"merges", std::move(merges)}};
}

json tokenizer_json(const Definition& definition) {
  json added = json::array();
  for (const AddedToken& token : definition.added_tokens) {
    json entry = {{"id", token.id}};
    entry.update(added_token_json(token));
    added.push_back(std::move(entry));
  }
  const json normaliser =
      definition.normaliser == Normaliser::Nfc ? json{{"type", "NFC"}} : json(nullptr);
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", normaliser},
          {"pre_tokenizer", pre_tokenizer_json(definition)},
          {"post_processor", post_processor_json(definition)},
          {"decoder", byte_level(true)},
          {"model", model_json(definition)}};
}

bool has_token(const Definition& definition, const std::string& text) {
  const auto is_added = [&text](const AddedToken& token) { return token.content == text; };
  return std::any_of(definition.added_tokens.begin(), definition.added_tokens.end(), is_added) ||
         std::find(definition.vocab.begin(), definition.vocab.end(), text) !=
             definition.vocab.end();
}

/// bos_token, eos_token, pad_token and their kin by name.
json special_tokens_json(const Definition& definition) {
  json tokens = json::object();
  for (const auto& [name, text] : definition.special_tokens)
    if (has_token(definition, text)) tokens[name] = text;  // transformers adds those that are none
  if (definition.bos_id) tokens["bos_token"] = token_text(definition, *definition.bos_id);
  if (!definition.eos_ids.empty())
    tokens["eos_token"] = token_text(definition, definition.eos_ids.front());
  if (definition.pad_id) tokens["pad_token"] = token_text(definition, *definition.pad_id);
  return tokens;
}

bool has_one_template(const Definition& definition) {
  return definition.chat_templates.size() == 1 && definition.chat_templates[0].name == "default";
}

json tokenizer_config_json(const Definition& definition) {
  json decoder = json::object();
  for (const AddedToken& token : definition.added_tokens)
    decoder[std::to_string(token.id)] = added_token_json(token);
  // This class takes tokenizer.json as it is; those of single models put their own splitting in.
  json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                 {"clean_up_tokenization_spaces", false},
                 {"added_tokens_decoder", std::move(decoder)}};
  config.update(special_tokens_json(definition));
  if (definition.max_length > 0) config["model_max_length"] = definition.max_length;
  if (has_one_template(definition)) {
    config["chat_template"] = definition.chat_templates[0].text;
  } else {
    for (const NamedTemplate& chat : definition.chat_templates)
      config["chat_template"].push_back({{"name", chat.name}, {"template", chat.text}});
  }
  return config;
}

json generation_config_json(const Definition& definition) {
  json config = json::object();
  if (definition.bos_id) config["bos_token_id"] = *definition.bos_id;
  if (definition.eos_ids.size() == 1) config["eos_token_id"] = definition.eos_ids.front();
  if (definition.eos_ids.size() > 1) config["eos_token_id"] = definition.eos_ids;
  if (definition.pad_id) config["pad_token_id"] = *definition.pad_id;
  return config;
}

}  // namespace

void write_tokenizer_files(const Definition& definition, const std::string& folder) {
  const auto write = [&folder](const char* name, const std::string& text) {
    base::write_file_atomically(folder + "/" + name, text);
  };
  write("tokenizer.json", tokenizer_json(definition).dump() + "\n");
  write("tokenizer_config.json", tokenizer_config_json(definition).dump(2) + "\n");
  write("special_tokens_map.json", special_tokens_json(definition).dump(2) + "\n");
  write("generation_config.json", generation_config_json(definition).dump(2) + "\n");
  // transformers takes this file before tokenizer_config.json, so it must not stand for several.
  if (has_one_template(definition)) write("chat_template.jinja", definition.chat_templates[0].text);
}

}  // namespace r1::tokenizer
