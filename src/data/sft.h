#pragma once
// Records of supervised stages -> training samples.
#include <nlohmann/json.hpp>

#include "data/render.h"
#include "data/types.h"

namespace r1::data {

/// Prompt and completion of a record as texts.
struct SftText {
  std::string prompt;
  std::string completion;
};

/// Reads {instruction, input, output} (the guide's), {messages: [{role, content}]} whose last turn
/// is the assistant's, {prompt, completion}, or a problem and its solution: the first of [data]
/// problem_fields; the field "solution" when answer_fields name it, else the first of them. Throws:
/// InputError naming `where` and what is missing.
SftText sft_text(const nlohmann::json& record, const PromptRenderer& renderer,
                 const DataOptions& options, const std::string& where);

/// Which tokens are learnt.
enum class LossOn { Completion, All };

/// Tokens of the two texts; the end token closes the completion and is in the loss. With
/// LossOn::All the prompt is part of what is learnt (its first token has nothing to be predicted
/// from).
TrainingSample sft_sample(const SftText& text, const Encoder& encode, TokenId end_token,
                          LossOn loss_on);

}  // namespace r1::data
