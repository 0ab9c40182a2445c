#pragma once
// Where the model's turns end, what a call asks, and the tokens of an answer.
#include <memory>
#include <string>
#include <vector>

#include "data/types.h"
#include "rewards/tools/tool.h"
#include "tokenizer/tokenizer.h"

namespace r1::rewards::tools {

/// What a newly sampled token means for the turn.
enum class TurnEnd {
  No,        // the turn goes on, or it ended without a call
  Answered,  // the turn is over and is answered
  Last       // the turn is over and was the last one: the sample ends
};

class TurnRules {
 public:
  /// Throws: ConfigError naming the mark of a call that the tokenizer does not give back: a control
  /// token, which the text of a completion never holds.
  TurnRules(const ToolOptions& options, std::shared_ptr<const tokenizer::Tokenizer> tokenizer);

  /// What the newest token of `completion` means; `ended`: it is an end token.
  TurnEnd turn_end(const data::Completion& completion, bool ended) const;
  /// The call of a turn that is answered. `ended` as above; the prompt's fields are left empty.
  Call call_of(const data::Completion& completion, bool ended) const;
  /// The tokens of an answer: those of answer_begin, of the text and of answer_end. The text is cut
  /// to max_answer_tokens, and names of control tokens in it are plain text. `text` becomes what is
  /// left of it.
  std::vector<data::TokenId> answer_ids(std::string& text) const;
  /// What the model wrote, without the answers: its turns, one behind the other.
  std::string text_of(const data::Completion& completion) const;

 private:
  std::string turn_text(const data::Completion& completion) const;
  bool ends_with_call(const data::Completion& completion) const;

  ToolOptions options_;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer_;
  std::vector<data::TokenId> begin_ids_, end_ids_;  // around an answer
};

/// The text of the tokens that the model sampled: each turn decoded by itself.
std::string sampled_text(const data::Completion& completion, const tokenizer::Tokenizer& tokenizer);

}  // namespace r1::rewards::tools
