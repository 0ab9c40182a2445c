#include "rewards/tools/turn_rules.h"

#include <algorithm>
#include <span>

#include "base/errors.h"

namespace r1::rewards::tools {
namespace {

using Ids = std::span<const data::TokenId>;

/// The mark of a call may have tokens without text before it or in it.
constexpr std::size_t kSilentTokens = 8;

std::size_t turn_begin(const data::Completion& completion) {
  return completion.answers.empty() ? 0 : static_cast<std::size_t>(completion.answers.back().end);
}

Ids turn_ids(const data::Completion& completion) {
  return Ids(completion.token_ids).subspan(turn_begin(completion));
}

/// Where a call stands in a turn's text; npos: there is none.
struct CallPlace {
  std::size_t begin = std::string::npos, end = std::string::npos;
};

CallPlace find_call(const std::string& turn, const ToolOptions& options) {
  auto begin = turn.find(options.call_begin);
  if (begin == turn.npos) return {};
  begin += options.call_begin.size();
  const auto end = turn.find(options.call_end, begin);
  if (end == turn.npos) return {};
  return {begin, end};
}

}  // namespace

TurnRules::TurnRules(const ToolOptions& options,
                     std::shared_ptr<const tokenizer::Tokenizer> tokenizer)
    : options_(options), tokenizer_(std::move(tokenizer)) {
  for (const auto& [key, mark] :
       {std::pair{"call_begin", options.call_begin}, std::pair{"call_end", options.call_end}})
    if (tokenizer_->decode(tokenizer_->encode(mark)) != mark)
      throw base::ConfigError(fmt::format(
          "rollout.tools.{}: expected text that the tokenizer gives back, found \"{}\", in which "
          "control tokens or unknown characters are",
          key, mark));
  begin_ids_ = tokenizer_->encode(options.answer_begin);
  end_ids_ = tokenizer_->encode(options.answer_end);
}

std::string TurnRules::turn_text(const data::Completion& completion) const {
  return tokenizer_->decode(turn_ids(completion));
}

/// The last tokens are looked at first: a whole turn is decoded only where its call ends.
bool TurnRules::ends_with_call(const data::Completion& completion) const {
  if (options_.call_end.empty()) return false;
  const auto ids = turn_ids(completion);
  const auto most = options_.call_end.size() + kSilentTokens;
  const auto tail = tokenizer_->decode(ids.last(std::min(ids.size(), most)));
  if (tail.find(options_.call_end) == tail.npos) return false;
  return find_call(turn_text(completion), options_).end != std::string::npos;
}

TurnEnd TurnRules::turn_end(const data::Completion& completion, bool ended) const {
  const bool is_over = ends_with_call(completion) || (ended && options_.every_turn);
  if (!is_over) return TurnEnd::No;
  const auto turns = static_cast<std::int64_t>(completion.answers.size()) + 1;
  return turns < options_.max_turns ? TurnEnd::Answered : TurnEnd::Last;
}

Call TurnRules::call_of(const data::Completion& completion, bool ended) const {
  Call call;
  const auto turn = turn_text(completion);
  const auto place = options_.call_end.empty() ? CallPlace() : find_call(turn, options_);
  call.is_call = place.end != std::string::npos;
  call.call = call.is_call ? turn.substr(place.begin, place.end - place.begin) : turn;
  R1_CHECK(call.is_call || ended, "a turn without a call and without an end is answered");
  call.completion = text_of(completion);
  for (const auto& answer : completion.answers) call.earlier.push_back({answer.call, answer.text});
  return call;
}

std::vector<data::TokenId> TurnRules::answer_ids(std::string& text) const {
  auto own = tokenizer_->encode(text, /*parse_special=*/false);
  if (static_cast<std::int64_t>(own.size()) > options_.max_answer_tokens) {
    own.resize(static_cast<std::size_t>(options_.max_answer_tokens));
    text = tokenizer_->decode(own);
  }
  auto ids = begin_ids_;
  ids.insert(ids.end(), own.begin(), own.end());
  ids.insert(ids.end(), end_ids_.begin(), end_ids_.end());
  return ids;
}

std::string TurnRules::text_of(const data::Completion& completion) const {
  return sampled_text(completion, *tokenizer_);
}

std::string sampled_text(const data::Completion& completion,
                         const tokenizer::Tokenizer& tokenizer) {
  std::string text;
  const Ids ids(completion.token_ids);
  std::size_t begin = 0;
  for (const auto& answer : completion.answers) {
    text += tokenizer.decode(ids.subspan(begin, static_cast<std::size_t>(answer.begin) - begin));
    begin = static_cast<std::size_t>(answer.end);
  }
  return text + tokenizer.decode(ids.subspan(begin));
}

}  // namespace r1::rewards::tools
