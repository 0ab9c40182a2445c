#pragma once
// Where the answers of a conversation stand in its text, for a loss on all of them.
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "data/render.h"

namespace r1::data {

using TextSpan = std::pair<std::size_t, std::size_t>;  // [begin, end) in bytes

/// Prompt and completion of a record as texts. What the prompt opens for the model ("<think>\n") is
/// in the prompt alone, also where the record's answer begins with it.
struct SftText {
  PromptText prompt;
  std::string completion;
  std::vector<TextSpan> answers;  // earlier ones in prompt.text that are learnt too, in order
};

/// Prompt and answers of a conversation whose last turn is an answer.
///
/// By the template's generation blocks, as transformers' return_assistant_tokens_mask has them. A
/// template without them is rendered up to each answer: there the answer begins; it ends with the
/// first end token, or where the rendering up to the next turn ends. The last answer is then the
/// record's text. Throws: InputError when the template renders earlier turns otherwise once later
/// ones follow, so that an answer has no place.
SftText find_answers(const tokenizer::Conversation& conversation, const PromptRenderer& renderer);

}  // namespace r1::data
