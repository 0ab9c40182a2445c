// Multiple choice: the letter that the answer names is the gold letter.
#include <memory>
#include <set>

#include "data/text.h"
#include "rewards/puzzles/answer.h"
#include "rewards/puzzles/reading.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

bool is_letter(char c) {
  return c >= 'A' && c <= 'J';
}
bool is_word(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// "B", "(B)", "B. because …": the letter in front; else the only letter that stands alone. 0:
/// none, or several.
char letter_of(const std::string& answer) {
  const std::string text = puzzles::unwrapped(answer);
  const std::size_t start = !text.empty() && (text[0] == '(' || text[0] == '[') ? 1 : 0;
  std::set<char> alone;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool free_left = at == 0 || !is_word(text[at - 1]);
    const bool free_right = at + 1 == text.size() || !is_word(text[at + 1]);
    if (!is_letter(text[at]) || !free_left || !free_right) continue;
    const std::string behind = text.substr(at + 1, 4);
    const bool article = text[at] == 'A' && behind.size() > 2 && behind[0] == ' ' &&
                         behind[1] >= 'a' && behind[1] <= 'z' && behind != " or " &&
                         behind != " and";
    const bool pronoun = text[at] == 'I' && at + 1 < text.size() && text[at + 1] == ' ';
    if (!article && !pronoun) alone.insert(text[at]);
  }
  if (alone.size() == 1) return *alone.begin();
  const bool marked = start < text.size() && is_letter(text[start]) && start + 1 < text.size() &&
                      std::string_view(").:]").find(text[start + 1]) != std::string_view::npos;
  return marked && alone.count(text[start]) > 0 ? text[start] : '\0';
}

class Choice : public Reward {
 public:
  explicit Choice(const RewardOptions& options) : tags_(options.tags) {}

  RewardParts score(const RewardInput& input) const override {
    const char gold = letter_of(input.answer);
    if (gold == '\0') return result(0.0, "unparsable_gold");
    const std::string answer = puzzles::answer_of(input.completion, tags_, input.answer);
    if (answer.empty()) return result(0.0, "no_answer");
    const char given = letter_of(answer);
    if (given == '\0') return result(0.0, "unparsable_answer");
    return given == gold ? result(1.0, "ok") : result(0.0, "wrong");
  }

 private:
  static RewardParts result(double value, const std::string& reason) {
    return {{{"choice", value}}, reason, reason == "unparsable_gold"};
  }

  TagOptions tags_;
};

}  // namespace

std::unique_ptr<Reward> make_choice(const RewardOptions& options) {
  return std::make_unique<Choice>(options);
}

}  // namespace r1::rewards
