#include "tokenizer/tokenizer_json.h"

#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "tokenizer/json_file.h"

namespace r1::tokenizer {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxIds = std::int64_t{1} << 22;  // far above any real vocabulary

/// The parts of tokenizer.json; every error names the file.
class TokenizerJson {
 public:
  TokenizerJson(std::string path, Definition& definition)
      : path_(std::move(path)), root_(read_json_object(path_)), definition_(definition) {}

  void read() {
    try {
      read_model(root_.at("model"));
      read_added_tokens(root_.value("added_tokens", json::array()));
      read_normaliser(root_.value("normalizer", json()));
      read_pre_tokenizer(root_.value("pre_tokenizer", json()));
      read_post_processor(root_.value("post_processor", json()));
    } catch (const json::exception& error) {
      throw base::InputError(fmt::format("{}: {}", path_, error.what()));
    }
    if (!byte_level_) fail("pre_tokenizer: expected a ByteLevel step, found none");
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw base::InputError(fmt::format("{}: {}", path_, message));
  }

  TokenId checked_id(const json& id, const std::string& token) const {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() >= kMaxIds)
      fail(fmt::format("token {}: expected an id from 0 to {}, found {}", token, kMaxIds - 1,
                       id.dump()));
    return id.get<TokenId>();
  }

  void read_model(const json& model) {
    const std::string type = model.value("type", "BPE");
    if (type != "BPE") fail(fmt::format("model.type: expected BPE, found {}", type));
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (model.contains(key) && !model[key].is_null() && model[key] != "")
        fail(fmt::format("model.{}: expected none, found {}", key, model[key].dump()));
    if (model.value("byte_fallback", false))
      fail("model.byte_fallback: expected false, found true");
    definition_.ignore_merges = model.value("ignore_merges", false);
    if (!model.at("vocab").is_object()) fail("model.vocab: expected an object");
    for (const auto& [token, id] : model.at("vocab").items()) {
      const auto index = static_cast<std::size_t>(checked_id(id, token));
      if (index >= definition_.vocab.size()) definition_.vocab.resize(index + 1);
      if (!definition_.vocab[index].empty())
        fail(fmt::format("model.vocab: id {} is given to {} and to {}", index,
                         definition_.vocab[index], token));
      definition_.vocab[index] = token;
    }
    for (const json& merge : model.at("merges")) definition_.merges.push_back(read_merge(merge));
  }

  std::pair<std::string, std::string> read_merge(const json& merge) const {
    if (merge.is_array() && merge.size() == 2)
      return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    const auto text = merge.is_string() ? merge.get<std::string>() : std::string();
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
      fail(fmt::format("model.merges: expected \"a b\" or [\"a\", \"b\"], found {}", merge.dump()));
    return {text.substr(0, space), text.substr(space + 1)};
  }

  void read_added_tokens(const json& tokens) {
    for (const json& entry : tokens) {
      AddedToken token;
      token.content = entry.at("content").get<std::string>();
      token.id = checked_id(entry.at("id"), token.content);
      token.special = entry.value("special", false);
      token.normalized = entry.value("normalized", !token.special);
      for (const char* flag : {"single_word", "lstrip", "rstrip"})
        if (entry.value(flag, false))
          fail(fmt::format("added token {}: '{}' is not supported", token.content, flag));
      definition_.added_tokens.push_back(std::move(token));
    }
    std::sort(definition_.added_tokens.begin(), definition_.added_tokens.end(),
              [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  }

  void read_normaliser(const json& normaliser) {
    if (normaliser.is_null()) return;
    const std::string type = normaliser.at("type").get<std::string>();
    if (type == "Sequence") {
      for (const json& step : normaliser.at("normalizers")) read_normaliser(step);
    } else if (type == "NFC") {
      definition_.normaliser = Normaliser::Nfc;
    } else {
      fail(fmt::format("normalizer: expected NFC or none, found {}", type));
    }
  }

  void read_pre_tokenizer(const json& step) {
    if (step.is_null()) return;
    const std::string type = step.at("type").get<std::string>();
    if (type == "Sequence") {
      for (const json& inner : step.at("pretokenizers")) read_pre_tokenizer(inner);
    } else if (type == "Split") {
      read_split(step);
    } else if (type == "Digits") {
      definition_.split_patterns.push_back(
          step.value("individual_digits", false) ? kEachDigitPattern : R"(\p{N}+)");
    } else if (type == "ByteLevel") {
      if (step.value("add_prefix_space", true))
        fail("pre_tokenizer ByteLevel: add_prefix_space is not supported");
      if (step.value("use_regex", true)) definition_.split_patterns.push_back(kGpt2Pattern);
      byte_level_ = true;
    } else {
      fail(fmt::format("pre_tokenizer: expected Split, Digits or ByteLevel, found {}", type));
    }
  }

  void read_split(const json& step) {
    if (byte_level_) fail("pre_tokenizer: a Split after ByteLevel is not supported");
    if (step.value("invert", false) || step.value("behavior", "") != "Isolated")
      fail("pre_tokenizer Split: expected behavior Isolated and no invert, found " + step.dump());
    const json& pattern = step.at("pattern");
    if (!pattern.contains("Regex"))
      fail("pre_tokenizer Split: expected a Regex, found " + pattern.dump());
    definition_.split_patterns.push_back(pattern["Regex"].get<std::string>());
  }

  // Llama 3 puts <|begin_of_text|> before a text by a template.
  void read_post_processor(const json& processor) {
    if (processor.is_null()) return;
    const std::string type = processor.value("type", "");
    if (type == "Sequence")
      for (const json& step : processor.at("processors")) read_post_processor(step);
    if (type != "TemplateProcessing") return;
    const json single = processor.value("single", json::array());
    if (single.empty() || !single[0].contains("SpecialToken")) return;
    const auto name = single[0]["SpecialToken"].at("id").get<std::string>();
    definition_.adds_bos = true;
    definition_.bos_id = checked_id(processor.at("special_tokens").at(name).at("ids").at(0), name);
  }

  std::string path_;
  json root_;
  Definition& definition_;
  bool byte_level_ = false;
};

/// What the files beside tokenizer.json add.
class FolderExtras {
 public:
  FolderExtras(std::string folder, Definition& definition)
      : folder_(std::move(folder)), definition_(definition) {
    for (std::size_t id = 0; id < definition.vocab.size(); ++id)
      ids_.emplace(definition.vocab[id], static_cast<TokenId>(id));
    for (const AddedToken& token : definition.added_tokens) ids_[token.content] = token.id;
  }

  void read() {
    for_file("tokenizer_config.json", [this](const json& j) { read_tokenizer_config(j); });
    read_template_files();
    if (definition_.chat_templates.empty())  // of a folder with a processor
      for_file("chat_template.json", [this](const json& j) {
        read_chat_template(j.value("chat_template", json()), "chat_template.json");
      });
    const bool generation =
        for_file("generation_config.json", [this](const json& j) { read_ids(j); });
    if (!generation || definition_.eos_ids.empty())
      for_file("config.json", [this](const json& j) { read_ids(j); });
  }

 private:
  template <class Read>
  bool for_file(const std::string& name, Read read) {
    const std::string path = folder_ + "/" + name;
    if (!std::filesystem::exists(path)) return false;
    const json object = read_json_object(path);
    try {
      read(object);
    } catch (const json::exception& error) {
      throw base::InputError(fmt::format("{}: {}", path, error.what()));
    }
    return true;
  }

  /// A token is written as its text or as an object with flags.
  static std::string text_of(const json& token) {
    if (token.is_object()) return token.value("content", "");
    return token.is_string() ? token.get<std::string>() : std::string();
  }

  std::optional<TokenId> named_token(const json& config, const char* key) const {
    if (!config.contains(key)) return std::nullopt;
    const std::string name = text_of(config[key]);
    const auto found = ids_.find(name);
    return found == ids_.end() || name.empty() ? std::nullopt : std::optional(found->second);
  }

  /// Files from before added_tokens_decoder have their special tokens in a file of their own too,
  /// which counts.
  void read_tokenizer_config(json config) {
    if (!config.contains("added_tokens_decoder"))
      for_file("special_tokens_map.json", [&config](const json& j) { config.update(j); });
    for (const auto& [key, value] : config.items())
      if (key.ends_with("_token") && !text_of(value).empty())
        definition_.special_tokens[key] = text_of(value);
    if (!definition_.bos_id) definition_.bos_id = named_token(config, "bos_token");
    definition_.pad_id = named_token(config, "pad_token");
    if (const auto eos = named_token(config, "eos_token")) definition_.eos_ids = {*eos};
    if (config.contains("add_bos_token") && config["add_bos_token"].is_boolean())
      definition_.adds_bos = definition_.adds_bos || config["add_bos_token"].get<bool>();
    const json max_length = config.value("model_max_length", json());
    if (max_length.is_number_unsigned() && max_length.get<std::uint64_t>() < (1ull << 40))
      definition_.max_length = max_length.get<std::int64_t>();  // "no limit" is written as 1e30
    read_chat_template(config.value("chat_template", json()), "tokenizer_config.json");
  }

  /// One text, or a list of named ones.
  void read_chat_template(const json& value, const std::string& file) {
    const std::string origin = folder_ + "/" + file + ": chat_template";
    if (value.is_string())
      definition_.chat_templates = {{"default", value.get<std::string>(), origin}};
    if (!value.is_array()) return;
    for (const json& entry : value) {
      const auto name = entry.at("name").get<std::string>();
      definition_.chat_templates.push_back(
          {name, entry.at("template").get<std::string>(), origin + " " + name});
    }
  }

  /// Files of templates replace what tokenizer_config.json says.
  void read_template_files() {
    namespace fs = std::filesystem;
    std::vector<NamedTemplate> templates;
    const auto add = [&templates](const std::string& name, const std::string& path) {
      templates.push_back({name, base::read_file(path), path});
    };
    if (const std::string path = folder_ + "/chat_template.jinja"; fs::exists(path))
      add("default", path);
    const std::string others = folder_ + "/additional_chat_templates";
    if (fs::is_directory(others))
      for (const auto& entry : fs::directory_iterator(others))
        if (entry.path().extension() == ".jinja")
          add(entry.path().stem().string(), entry.path().string());
    if (templates.empty()) return;
    std::sort(templates.begin(), templates.end(),
              [](const NamedTemplate& a, const NamedTemplate& b) { return a.name < b.name; });
    definition_.chat_templates = std::move(templates);
  }

  void read_ids(const json& config) {
    const auto add_eos = [this](const json& id) {
      const auto value = id.get<TokenId>();
      auto& eos = definition_.eos_ids;
      if (std::find(eos.begin(), eos.end(), value) == eos.end()) eos.push_back(value);
    };
    const json eos = config.value("eos_token_id", json());
    if (eos.is_number_integer()) add_eos(eos);
    if (eos.is_array())
      for (const json& id : eos) add_eos(id);
    const auto read_id = [&config](const char* key, std::optional<TokenId>& id) {
      if (!id && config.contains(key) && config[key].is_number_integer())
        id = config[key].get<TokenId>();
    };
    read_id("bos_token_id", definition_.bos_id);
    read_id("pad_token_id", definition_.pad_id);
  }

  std::string folder_;
  Definition& definition_;
  std::unordered_map<std::string, TokenId> ids_;
};

}  // namespace

Definition read_tokenizer_json(const std::string& folder) {
  Definition definition;
  TokenizerJson(folder + "/tokenizer.json", definition).read();
  FolderExtras(folder, definition).read();
  return definition;
}

}  // namespace r1::tokenizer
