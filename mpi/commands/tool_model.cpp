#include "commands/tool_model.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/formats/gguf.h"
#include "kernels/cuda_library.h"
#include "model_loading.h"
#include "model_path.h"
#include "models/peft_folder.h"
#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

}  // namespace

bool has_tokenizer(const std::string& path) {
  if (fs::is_regular_file(path) && path.ends_with(".gguf"))
    return checkpoint::GgufFile(path).has("tokenizer.ggml.model");
  return fs::is_regular_file(path) || fs::exists(fs::path(path) / "tokenizer.json");
}

std::shared_ptr<const tokenizer::Tokenizer> open_tokenizer(const std::string& path,
                                                           std::int64_t model_vocab_size) {
  models::ModelOptions options;
  options.tokenizer = find_model(path);
  return load_text_model(options, model_vocab_size).tokenizer;
}

std::optional<tokenizer::WordPieceTokenizer> open_wordpiece(const std::string& path) {
  if (!fs::is_directory(path) || !tokenizer::is_wordpiece_folder(path)) return std::nullopt;
  return tokenizer::WordPieceTokenizer(tokenizer::read_wordpiece(path));
}

at::ScalarType tool_dtype(const CommandLine& line) {
  const auto dtype = tensor::parse_dtype(line.dtype.empty() ? "fp32" : line.dtype);
  if (dtype == at::kHalf)
    throw base::ConfigError("--dtype: expected fp32, bf16 or fp64, found fp16");
  return dtype;
}

std::unique_ptr<models::Model> load_tool_model(const CommandLine& line) {
  models::ModelOptions options;
  options.path = find_model(line.model);
  return load_model(options, tool_dtype(line), kernels::open_device(line.device, 0), 0);
}

TokenReader::TokenReader(const CommandLine& line, std::int64_t vocab_size)
    : path_(find_model(line.model)), folder_(path_), vocab_size_(vocab_size) {
  folder_ = is_checkpoint(path_) ? description_.emplace(path_).path() : models::text_folder(path_);
  tokenizer_path_ = line.tokenizer.empty() ? folder_ : line.tokenizer;
}

const tokenizer::Tokenizer& TokenReader::tokenizer() {
  if (!tokenizer_) tokenizer_ = open_tokenizer(tokenizer_path_, vocab_size_);
  return *tokenizer_;
}

const tokenizer::Tokenizer* TokenReader::tokenizer_if_any() {
  if (tokenizer_path_ == folder_ && !has_tokenizer(folder_)) return nullptr;
  return &tokenizer();
}

std::vector<data::TokenId> TokenReader::encode(const std::string& text) {
  if (!tokenizer_ && !wordpiece_) wordpiece_ = open_wordpiece(tokenizer_path_);
  if (wordpiece_) {
    if (wordpiece_->vocab_size() > vocab_size_)
      throw base::InputError(fmt::format("{}: the tokenizer has ids up to {}, the model {}",
                                         tokenizer_path_, wordpiece_->vocab_size() - 1,
                                         vocab_size_ - 1));
    return wordpiece_->encode_sequence(text, 0);
  }
  auto ids = tokenizer().encode(text);
  const auto bos = tokenizer().bos();
  if (tokenizer().definition().adds_bos && bos && (ids.empty() || ids.front() != *bos))
    ids.insert(ids.begin(), *bos);
  return ids;
}

std::vector<data::TokenId> TokenReader::token_ids(const RecordReader& reader,
                                                  const Record& record) {
  if (!record.fields.contains("ids")) {
    if (!record.fields.contains("text")) reader.fail(record, "expected \"ids\" or \"text\"");
    return encode(reader.text(record, "text"));
  }
  std::vector<data::TokenId> ids;
  for (const auto id : reader.integers(record, "ids")) {
    if (id < 0 || id >= vocab_size_)
      reader.fail(record, fmt::format("\"ids\"[{}]: the model has ids 0 to {}, found {}",
                                      ids.size(), vocab_size_ - 1, id));
    ids.push_back(static_cast<data::TokenId>(id));
  }
  return ids;
}

std::vector<data::TokenId> TokenReader::eos_token_ids() {
  if (const auto* text = tokenizer_if_any()) return text->eos_token_ids();
  return folder_eos_token_ids(folder_);
}

std::vector<data::TokenId> folder_eos_token_ids(const std::string& folder) {
  for (const char* name : {"generation_config.json", "config.json"}) {
    const auto file = (fs::path(folder) / name).string();
    if (!fs::exists(file)) continue;
    const auto json = nlohmann::json::parse(base::read_file(file), nullptr, false);
    if (!json.is_object()) throw base::InputError(fmt::format("{}: not a JSON object", file));
    const auto eos = json.value("eos_token_id", nlohmann::json());
    if (eos.is_number_integer()) return {eos.get<data::TokenId>()};
    if (eos.is_array()) return eos.get<std::vector<data::TokenId>>();
  }
  return {};
}

}  // namespace r1::mpi
