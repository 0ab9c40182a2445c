// Multiple choice: the letter in the answer must be the gold letter.
#include <algorithm>
#include <memory>

#include "data/choices.h"
#include "data/text.h"
#include "rewards/choice_letters.h"
#include "rewards/puzzles/answer.h"
#include "rewards/puzzles/reading.h"
#include "rewards/registry.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

/// The letter that an answer names; '\0': none, or several.
char letter_of(const std::string& answer, int num_choices) {
  return chosen_letter(puzzles::unwrapped(answer), num_choices);
}

/// The first line behind the thinking part: "B", then an explanation that names no letter.
std::string first_line(const std::string& completion, const TagOptions& tags) {
  const Sections sections = split_sections(completion, tags);
  const std::string rest = data::trim(sections.rest);
  return rest.substr(0, rest.find('\n'));
}

class Choice : public Reward {
 public:
  explicit Choice(const RewardOptions& options) : tags_(options.tags) {}

  RewardParts score(const RewardInput& input) const override {
    const int num_choices = std::max(kUsualChoices, data::num_choices(input.record));
    const char gold = letter_of(input.answer, num_choices);
    if (gold == '\0') return result(0.0, "unparsable_gold");
    const std::string answer = puzzles::answer_of(input.completion, tags_, input.answer);
    if (answer.empty()) return result(0.0, "no_answer");
    char given = letter_of(answer, num_choices);
    if (given == '\0' && choice_letters(answer, num_choices).empty())
      given = letter_of(first_line(input.completion, tags_), num_choices);
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
