#pragma once
// Texts scored by a sequence classifier that reads them through its own tokenizer: the reward model
// (one output at the last token) and the toxicity classifier (a sigmoid a label).
#include <ATen/core/Tensor.h>

#include <ctime>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/classifier.h"
#include "models/options.h"

namespace r1::rewards {

/// A question and what the model reads of the completion.
struct JudgedText {
  std::string problem;
  std::string completion;
};

/// How a classifier wants its texts.
struct JudgeTokenizer {
  using Ids = std::vector<std::int64_t>;
  std::function<Ids(const std::string&)> encode;  // without `before` and `after`
  Ids before, after;                              // [CLS], [SEP]; empty for decoder-only models
  /// A question with its answer as one text: the model's chat template.
  std::function<std::string(const JudgedText&)> conversation;
};

/// The tokenizer of a classifier's options: WordPiece or byte-level BPE; the conversation by its
/// chat template, or question and answer on two lines where it has none. Control tokens' names in
/// completions are plain text to WordPiece. `now`: the time of the run's start, for templates that
/// name the day. Throws: InputError.
JudgeTokenizer load_judge_tokenizer(const models::ModelOptions& options, const std::tm& now);

class ModelJudge {
 public:
  /// `batch`: texts that the model reads at once; changes nothing but rounding.
  ModelJudge(std::unique_ptr<models::SequenceClassifier> model, JudgeTokenizer tokenizer,
             std::int64_t batch);
  /// `now`: see load_judge_tokenizer. Throws: InputError naming what is missing.
  static std::unique_ptr<ModelJudge> load(const models::ModelOptions& options, at::Device device,
                                          std::int64_t batch, const std::tm& now);

  /// 1 - the largest label probability, in [0, 1], of each completion. A text longer than the model
  /// reads is scored in pieces; its worst one counts.
  std::vector<double> safety(std::span<const JudgedText> texts) const;
  /// The reward model's raw score of each conversation; of one longer than the model reads the end.
  /// Throws: InputError when the model has more than one output.
  std::vector<double> preference(std::span<const JudgedText> texts) const;

 private:
  using Ids = JudgeTokenizer::Ids;
  std::int64_t room() const;  // tokens of text that the model reads at once
  Ids framed(Ids::const_iterator begin, Ids::const_iterator end) const;
  at::Tensor outputs(const std::vector<Ids>& sequences) const;  // float64 [N, L]

  std::unique_ptr<models::SequenceClassifier> model_;
  JudgeTokenizer tokenizer_;
  std::int64_t batch_;
};

}  // namespace r1::rewards
