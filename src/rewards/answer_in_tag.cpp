// The simple rule of the arithmetic baseline: the last number in the last answer block must equal
// the gold number.
#include <cmath>
#include <cstdlib>
#include <memory>

#include "rewards/maths/extract.h"
#include "rewards/registry.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The last match of -?\d[\d,]*(\.\d+)? without its commas; false without a digit.
bool last_number(const std::string& text, double& value) {
  bool found = false;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    std::string digits = at > 0 && text[at - 1] == '-' ? "-" : "";
    for (; at < text.size() && (is_digit(text[at]) || text[at] == ','); ++at)
      if (text[at] != ',') digits += text[at];
    if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) {
      digits += text[at++];
      while (at < text.size() && is_digit(text[at])) digits += text[at++];
    }
    value = std::strtod(digits.c_str(), nullptr);
    found = std::isfinite(value);
  }
  return found;
}

class AnswerInTag : public Reward {
 public:
  explicit AnswerInTag(std::string tag) : tag_(std::move(tag)) {}

  RewardParts score(const RewardInput& input) const override {
    double gold = 0.0;
    if (!last_number(maths::extract_gold(input.answer), gold))
      return result(0.0, "unparsable_gold");
    std::string content;
    if (!last_answer_block(input.completion, tag_, content)) return result(0.0, "no_answer");
    double number = 0.0;
    if (!last_number(content, number)) return result(0.0, "unparsable_answer");
    return number == gold ? result(1.0, "ok") : result(0.0, "wrong");
  }

 private:
  static RewardParts result(double value, const std::string& reason) {
    return {{{"answer_in_tag", value}}, reason, reason == "unparsable_gold"};
  }

  std::string tag_;
};

}  // namespace

std::unique_ptr<Reward> make_answer_in_tag(const RewardOptions& options) {
  return std::make_unique<AnswerInTag>(options.tags.answer);
}

}  // namespace r1::rewards
