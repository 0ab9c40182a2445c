#pragma once
// What score and generate share: the model of --model, its tokenizer when records hold text, and
// token ids that are checked against its vocabulary.
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

/// A tokenizer.json, a folder with one, or a GGUF file with a vocabulary. Throws: InputError.
bool has_tokenizer(const std::string& path);

/// A tokenizer without its chat template. Throws: InputError.
std::shared_ptr<const tokenizer::Tokenizer> open_tokenizer(const std::string& path,
                                                           std::int64_t model_vocab_size);

/// BERT's tokenizer, where a folder has that. Throws: InputError.
std::optional<tokenizer::WordPieceTokenizer> open_wordpiece(const std::string& path);

/// Token ids of records, by the tokenizer of --tokenizer or of the model.
class TokenReader {
 public:
  TokenReader(const CommandLine& line, std::int64_t vocab_size);

  /// Loaded at the first call. Throws: InputError.
  const tokenizer::Tokenizer& tokenizer();
  /// The tokenizer, or null when the model comes without one and none was asked for.
  const tokenizer::Tokenizer* tokenizer_if_any();

  /// "ids" of a record, or those of its "text" (behind the model's first token, if it expects one;
  /// BERT's between [CLS] and [SEP]).
  /// Throws: InputError naming file, line and id.
  std::vector<data::TokenId> token_ids(const RecordReader& reader, const Record& record);
  /// Ids that end a completion: the tokenizer's, else those of the model's own files.
  std::vector<data::TokenId> eos_token_ids();

 private:
  std::vector<data::TokenId> encode(const std::string& text);

  std::string path_;  // of the weights
  std::optional<DescriptionFolder> description_;
  std::string folder_;  // of the model's small files: path_, or those of a checkpoint
  std::string tokenizer_path_;
  std::int64_t vocab_size_;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
  std::optional<tokenizer::WordPieceTokenizer> wordpiece_;
};

/// --dtype, fp32 without it. Throws: ConfigError.
at::ScalarType tool_dtype(const CommandLine& line);

/// The weights of --model in --dtype on --device. Throws: InputError, ConfigError.
std::unique_ptr<models::Model> load_tool_model(const CommandLine& line);

/// "eos_token_id" of generation_config.json, else of config.json; none when neither names any.
/// Throws: InputError naming a damaged file.
std::vector<data::TokenId> folder_eos_token_ids(const std::string& folder);

}  // namespace r1::mpi
