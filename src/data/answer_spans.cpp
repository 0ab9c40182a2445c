#include "data/answer_spans.h"

#include <algorithm>

#include "base/errors.h"

namespace r1::data {
namespace {

using Json = nlohmann::ordered_json;

tokenizer::Conversation first_turns(const tokenizer::Conversation& conversation,
                                    std::size_t count) {
  tokenizer::Conversation part = conversation;
  auto& messages = part.messages.get_ref<Json::array_t&>();
  messages.resize(count);
  return part;
}

SftText by_blocks(jinja::Rendering whole, const PromptRenderer& renderer) {
  SftText found;
  const auto [begin, end] = whole.generations.back();
  whole.generations.pop_back();
  found.prompt = renderer.rendered(whole.text.substr(0, begin));
  found.completion = whole.text.substr(begin, end - begin);
  for (const TextSpan& span : whole.generations)
    if (span.second > span.first) found.answers.push_back(span);
  return found;
}

/// Where answer `i` begins in `text`: behind what the template renders up to it, with or without
/// the opening of its generation prompt.
std::size_t begin_of_answer(const tokenizer::Conversation& conversation, std::size_t i,
                            const std::string& text, const PromptRenderer& renderer) {
  const PromptText before =
      renderer.rendered(renderer.render(first_turns(conversation, i), true).text);
  if (text.starts_with(before.text)) return before.text.size();
  const std::size_t unopened = before.text.size() - before.opening.size();
  if (text.starts_with(before.text.substr(0, unopened))) return unopened;
  throw base::InputError(fmt::format(
      "turn {}: the chat template renders the turns before it otherwise when later turns follow, "
      "so that this answer has no place in the text; sft.loss_on = \"assistant\" needs a template "
      "with generation blocks here, sft.loss_on = \"completion\" learns the last answer",
      i + 1));
}

std::size_t end_of_answer(const tokenizer::Conversation& conversation, std::size_t i,
                          const std::string& text, std::size_t begin,
                          const PromptRenderer& renderer) {
  std::size_t end = renderer.end_of_turn(text, begin);
  const std::string rendered = renderer.render(first_turns(conversation, i + 1), false).text;
  if (text.starts_with(rendered) && rendered.size() >= begin) end = std::min(end, rendered.size());
  if (end == std::string::npos)
    throw base::InputError(
        fmt::format("turn {}: the chat template does not say where the answer ends", i + 1));
  return end;
}

}  // namespace

SftText find_answers(const tokenizer::Conversation& conversation, const PromptRenderer& renderer) {
  auto whole = renderer.render(conversation, false);
  if (!whole.generations.empty()) return by_blocks(std::move(whole), renderer);
  const std::size_t last = conversation.messages.size() - 1;
  SftText found;
  found.prompt = renderer.conversation(first_turns(conversation, last));
  found.completion = conversation.messages[last]["content"].get<std::string>();
  const std::string& text = found.prompt.text;
  for (std::size_t i = 0; i < last; ++i) {
    if (conversation.messages[i]["role"] != "assistant") continue;
    const std::size_t begin = begin_of_answer(conversation, i, text, renderer);
    found.answers.emplace_back(begin, end_of_answer(conversation, i, text, begin, renderer));
  }
  return found;
}

}  // namespace r1::data
