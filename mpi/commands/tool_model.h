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

namespace r1::mpi {

/// A tokenizer without its chat template. Throws: InputError.
std::shared_ptr<const tokenizer::Tokenizer> open_tokenizer(const std::string& path,
                                                           std::int64_t model_vocab_size);

class ToolModel {
 public:
  /// Loads the weights in --dtype (fp32) onto --device. Throws: InputError, ConfigError.
  explicit ToolModel(const CommandLine& line);

  const models::Model& model() const { return *model_; }
  /// Loaded at the first call. Throws: InputError.
  const tokenizer::Tokenizer& tokenizer();
  /// The tokenizer, or null when the model comes without one and none was asked for.
  const tokenizer::Tokenizer* tokenizer_if_any();

  /// "ids" of a record, or those of its "text" (behind the model's first token, if it expects one).
  /// Throws: InputError naming file, line and id.
  std::vector<data::TokenId> token_ids(const RecordReader& reader, const Record& record);
  /// Ids that end a completion: the tokenizer's, else those of the model's own files.
  std::vector<data::TokenId> eos_token_ids();

 private:
  std::string path_;  // of the weights
  std::optional<DescriptionFolder> description_;
  std::string folder_;  // of the model's small files: path_, or those of a checkpoint
  std::string tokenizer_path_;
  std::unique_ptr<models::Model> model_;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
};

/// "eos_token_id" of generation_config.json, else of config.json; none when neither names any.
/// Throws: InputError naming a damaged file.
std::vector<data::TokenId> folder_eos_token_ids(const std::string& folder);

}  // namespace r1::mpi
