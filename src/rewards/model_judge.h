#pragma once
// Scores of texts by a sequence classifier with its own tokenizer: the reward model (one output at
// the last token) and the toxicity classifier (one sigmoid per label).
#include <ATen/core/Tensor.h>

#include <ctime>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/options.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/definition.h"

namespace r1::rewards {

/// A question, and the part of the completion that the model reads.
struct JudgedText {
  std::string problem;
  std::string completion;
};
tokenizer::Conversation conversation_of(const JudgedText& text);

/// The tokenization of a classifier's input.
struct JudgeTokenizer {
  using Ids = std::vector<std::int64_t>;
  std::function<Ids(const std::string&)> encode;  // without `before` and `after`
  Ids before, after;                              // [CLS], [SEP]; empty for decoders
  /// Renders a conversation as one text, by the chat template of the model.
  std::function<std::string(const tokenizer::Conversation&)> conversation;

  /// The token ids of a conversation, as the model reads it.
  Ids conversation_ids(const tokenizer::Conversation& whole) const;
};

/// The tokenizer of a decoder that judges. `chat_template`: "auto" is the template of the
/// definition, else as [model] chat_template; without any template the turns of a conversation are
/// lines. `now`: the start time of the run, for templates that contain the date.
JudgeTokenizer make_judge_tokenizer(const tokenizer::Definition& definition,
                                    const std::string& chat_template, const std::tm& now);

/// Loads the tokenizer of a classifier: WordPiece or byte-level BPE. Conversations use the
/// classifier's chat template, or question and answer on two lines if there is no template.
/// WordPiece reads the names of control tokens in completions as plain text. `now`: the start time
/// of the run, for templates that contain the date. Throws: InputError.
JudgeTokenizer load_judge_tokenizer(const models::ModelOptions& options, const std::tm& now);

class ModelJudge {
 public:
  /// `batch`: number of texts per forward pass; changes results only by rounding.
  ModelJudge(std::unique_ptr<models::SequenceClassifier> model, JudgeTokenizer tokenizer,
             std::int64_t batch);
  /// `now`: as in load_judge_tokenizer. Throws: InputError naming what is missing.
  static std::unique_ptr<ModelJudge> load(const models::ModelOptions& options, at::Device device,
                                          std::int64_t batch, const std::tm& now);

  /// Returns 1 - the largest label probability of each completion, in [0, 1]. A text longer than
  /// the model's input is scored in pieces, and the lowest safety of a piece counts.
  std::vector<double> safety(std::span<const JudgedText> texts) const;
  /// Returns the reward model's raw score of each conversation; a conversation longer than the
  /// model's input loses its beginning. Throws: InputError if the model has more than one output.
  std::vector<double> preference(std::span<const JudgedText> texts) const;

 private:
  using Ids = JudgeTokenizer::Ids;
  std::int64_t room() const;  // number of text tokens per input
  Ids framed(Ids::const_iterator begin, Ids::const_iterator end) const;
  at::Tensor outputs(const std::vector<Ids>& sequences) const;  // float64 [N, L]

  std::unique_ptr<models::SequenceClassifier> model_;
  JudgeTokenizer tokenizer_;
  std::int64_t batch_;
};

}  // namespace r1::rewards
