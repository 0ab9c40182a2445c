#pragma once
// Records of supervised stages -> training samples.
#include <nlohmann/json.hpp>

#include "data/answer_spans.h"
#include "data/render.h"
#include "data/types.h"

namespace r1::data {

/// Which tokens are learnt. Assistant: every answer of a conversation.
enum class LossOn { Completion, All, Assistant };
/// By its name in [sft] loss_on.
LossOn loss_on_of(const std::string& name);

/// Reads {instruction, input, output} (the guide's), {messages: [{role, content}]} whose last turn
/// is the assistant's (also in another of [data] problem_fields, and with the answer beside the
/// turns), {prompt, completion}, or a problem and its solution: the first of [data]
/// problem_fields; the field "solution" when answer_fields name it, else the first of them. Beside
/// its turns, a record may have "tools", "documents" and "chat_template_kwargs" (an object) for the
/// template. With LossOn::Assistant earlier answers are found as answer_spans.h says. Throws:
/// InputError naming `where` and what is missing.
SftText sft_text(const nlohmann::json& record, const PromptRenderer& renderer,
                 const DataOptions& options, const std::string& where,
                 LossOn loss_on = LossOn::Completion);

/// Tokens of the texts; those of each learnt text are made apart, as a model makes them. The end
/// token closes the completion, unless the completion ends with one already, and is in the loss.
/// With LossOn::All the prompt is part of what is learnt (its first token has nothing to be
/// predicted from). Throws: ConfigError when there is no end token.
TrainingSample sft_sample(const SftText& text, const PromptRenderer& renderer, LossOn loss_on);

}  // namespace r1::data
