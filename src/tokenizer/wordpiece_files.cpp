// Reads the files of a WordPiece tokenizer: tokenizer.json, or vocab.txt with
// tokenizer_config.json.
#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tokenizer/json_file.h"
#include "tokenizer/wordpiece.h"

namespace r1::tokenizer {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::int64_t kMaxIds = std::int64_t{1} << 24;  // far above any real vocabulary

/// The parts of tokenizer.json; every error names the file.
class WordPieceJson {
 public:
  WordPieceJson(std::string path, WordPieceDefinition& definition)
      : path_(std::move(path)), definition_(definition) {}

  void read() {
    const json root = read_json_object(path_);
    try {
      read_model(root.at("model"));
      for (const json& token : root.value("added_tokens", json::array())) read_added_token(token);
      read_normaliser(root.value("normalizer", json()));
      const json splitting = root.value("pre_tokenizer", json());
      if (splitting.is_null() || splitting.value("type", "") != "BertPreTokenizer")
        fail("pre_tokenizer: expected BertPreTokenizer, found " + splitting.dump());
      read_post_processor(root.value("post_processor", json()));
    } catch (const json::exception& error) {
      fail(error.what());
    }
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
    if (model.value("type", "") != "WordPiece")
      fail(fmt::format("model.type: expected WordPiece, found {}", model.value("type", "none")));
    definition_.unknown = model.value("unk_token", definition_.unknown);
    definition_.continuation = model.value("continuing_subword_prefix", definition_.continuation);
    definition_.max_word_characters =
        model.value("max_input_chars_per_word", definition_.max_word_characters);
    if (!model.at("vocab").is_object()) fail("model.vocab: expected an object");
    for (const auto& [token, id] : model.at("vocab").items()) {
      const auto index = static_cast<std::size_t>(checked_id(id, token));
      if (index >= definition_.vocab.size()) definition_.vocab.resize(index + 1);
      definition_.vocab[index] = token;
    }
  }

  void read_added_token(const json& entry) {
    AddedToken token;
    token.content = entry.at("content").get<std::string>();
    token.id = checked_id(entry.at("id"), token.content);
    token.special = entry.value("special", false);
    for (const char* flag : {"single_word", "lstrip", "rstrip", "normalized"})
      if (entry.value(flag, false))
        fail(fmt::format("added token {}: '{}' is not supported", token.content, flag));
    definition_.added_tokens.push_back(std::move(token));
  }

  void read_normaliser(const json& normaliser) {
    if (normaliser.is_null() || normaliser.value("type", "") != "BertNormalizer")
      fail("normalizer: expected BertNormalizer, found " + normaliser.dump());
    definition_.clean_text = normaliser.value("clean_text", true);
    definition_.split_cjk = normaliser.value("handle_chinese_chars", true);
    definition_.lower_case = normaliser.value("lowercase", true);
    const json accents = normaliser.value("strip_accents", json());
    definition_.strip_accents = accents.is_boolean() ? accents.get<bool>() : definition_.lower_case;
  }

  // BertProcessing names both tokens; TemplateProcessing puts them around the text.
  void read_post_processor(const json& step) {
    const std::string type = step.is_null() ? "none" : step.value("type", "none");
    if (type == "BertProcessing") {
      definition_.cls = step.at("cls").at(0).get<std::string>();
      definition_.sep = step.at("sep").at(0).get<std::string>();
    } else if (type == "TemplateProcessing") {
      const json& single = step.at("single");
      if (single.size() != 3 || !single[0].contains("SpecialToken") ||
          !single[1].contains("Sequence") || !single[2].contains("SpecialToken"))
        fail("post_processor: expected one token before and one behind the text, found " +
             single.dump());
      definition_.cls = single[0]["SpecialToken"].at("id").get<std::string>();
      definition_.sep = single[2]["SpecialToken"].at("id").get<std::string>();
    } else {
      fail("post_processor: expected BertProcessing or TemplateProcessing, found " + type);
    }
  }

  std::string path_;
  WordPieceDefinition& definition_;
};

/// A token of tokenizer_config.json: its text, or an object with "content".
std::string token_of(const json& config, const char* key, const std::string& fallback) {
  const json value = config.value(key, json());
  if (value.is_string()) return value.get<std::string>();
  return value.is_object() ? value.value("content", fallback) : fallback;
}

void read_vocabulary(const std::string& path, WordPieceDefinition& definition) {
  std::istringstream lines(base::read_file(path));
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    definition.vocab.push_back(line);
  }
  if (definition.vocab.empty()) throw base::InputError(path + ": no token in it");
}

/// Defaults are those of transformers' BertTokenizer (4.x).
void read_config(const std::string& path, WordPieceDefinition& definition) {
  const json config = fs::exists(path) ? read_json_object(path) : json::object();
  try {
    definition.lower_case = config.value("do_lower_case", true);
    definition.split_cjk = config.value("tokenize_chinese_chars", true);
    const json accents = config.value("strip_accents", json());
    definition.strip_accents = accents.is_boolean() ? accents.get<bool>() : definition.lower_case;
    definition.unknown = token_of(config, "unk_token", definition.unknown);
    definition.cls = token_of(config, "cls_token", definition.cls);
    definition.sep = token_of(config, "sep_token", definition.sep);
    for (const std::string& token :
         {definition.unknown, definition.cls, definition.sep,
          token_of(config, "pad_token", "[PAD]"), token_of(config, "mask_token", "[MASK]")}) {
      const auto found = std::find(definition.vocab.begin(), definition.vocab.end(), token);
      if (found != definition.vocab.end())
        definition.added_tokens.push_back(
            {token, static_cast<TokenId>(found - definition.vocab.begin()), true, false});
    }
  } catch (const json::exception& error) {
    throw base::InputError(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace

bool is_wordpiece_folder(const std::string& folder) {
  const std::string path = folder + "/tokenizer.json";
  if (!fs::exists(path)) return fs::exists(folder + "/vocab.txt");
  const json root = read_json_object(path);
  const auto model = root.find("model");
  return model != root.end() && model->is_object() && model->value("type", json()) == "WordPiece";
}

WordPieceDefinition read_wordpiece(const std::string& folder) {
  WordPieceDefinition definition;
  if (fs::exists(folder + "/tokenizer.json")) {
    WordPieceJson(folder + "/tokenizer.json", definition).read();
  } else {
    read_vocabulary(folder + "/vocab.txt", definition);
    read_config(folder + "/tokenizer_config.json", definition);
  }
  return definition;
}

}  // namespace r1::tokenizer
