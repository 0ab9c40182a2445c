#pragma once
// Shared code of score and generate: the model of --model, its tokenizer if records contain text,
// and token ids that are checked against the vocabulary.
#include <memory>
#include <optional>
#include <vector>

#include "checkpoint_model.h"
#include "command_line.h"
#include "commands/records.h"
#include "data/types.h"
#include "models/model.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/wordpiece.h"

namespace r1::mpi {

/// Whether `path` is a tokenizer.json, a folder with a tokenizer.json, or a GGUF file with a
/// vocabulary. Throws: InputError.
bool has_tokenizer(const std::string& path);

/// Opens a tokenizer without its chat template. Throws: InputError.
std::shared_ptr<const tokenizer::Tokenizer> open_tokenizer(const std::string& path,
                                                           std::int64_t model_vocab_size);

/// Opens BERT's tokenizer if the folder contains one. Throws: InputError.
std::optional<tokenizer::WordPieceTokenizer> open_wordpiece(const std::string& path);

/// Reads token ids of records with the tokenizer of --tokenizer or of the model.
class TokenReader {
 public:
  TokenReader(const CommandLine& line, std::int64_t vocab_size);

  /// Returns the tokenizer, which the first call loads. Throws: InputError.
  const tokenizer::Tokenizer& tokenizer();
  /// The tokenizer, or null if the model has no tokenizer and --tokenizer is not given.
  const tokenizer::Tokenizer* tokenizer_if_any();

  /// Returns "ids" of a record, or the ids of its "text" (after the model's bos token, if the model
  /// expects one; for BERT between [CLS] and [SEP]). Throws: InputError naming file, line and id.
  std::vector<data::TokenId> token_ids(const RecordReader& reader, const Record& record);
  /// Ids that end a completion: from the tokenizer, else from the model's own files.
  std::vector<data::TokenId> eos_token_ids();

 private:
  std::vector<data::TokenId> encode(const std::string& text);

  std::string path_;  // path of the weights
  std::optional<DescriptionFolder> description_;
  std::string folder_;  // folder of the model's small files: path_, or the files of a checkpoint
  std::string tokenizer_path_;
  std::int64_t vocab_size_;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
  std::optional<tokenizer::WordPieceTokenizer> wordpiece_;
};

/// --dtype; the default is fp32. Throws: ConfigError.
at::ScalarType tool_dtype(const CommandLine& line);

/// Loads the weights of --model in --dtype on --device. Throws: InputError, ConfigError.
std::unique_ptr<models::Model> load_tool_model(const CommandLine& line);

/// "eos_token_id" of generation_config.json, else of config.json; empty if neither file has the
/// key. Throws: InputError naming a damaged file.
std::vector<data::TokenId> folder_eos_token_ids(const std::string& folder);

}  // namespace r1::mpi
