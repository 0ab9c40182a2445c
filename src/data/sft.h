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
/// is the assistant's, {prompt, completion}, or {problem, solution}. Throws: InputError naming
/// `where` and what is missing.
SftText sft_text(const nlohmann::json& record, const PromptRenderer& renderer,
                 const DataOptions& options, const std::string& where);

/// Tokens of the two texts; the end token closes the completion and is in the loss. With loss_on
/// "all" the prompt is part of what is learnt (its first token has nothing to be predicted from).
TrainingSample sft_sample(const SftText& text, const Encoder& encode, TokenId end_token,
                          const DataOptions& options);

}  // namespace r1::data
