// The format reward: the whole text consists of one non-empty thinking part followed by one
// non-empty answer.
#include <memory>

#include "data/text.h"
#include "rewards/registry.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

class Format : public Reward {
 public:
  explicit Format(TagOptions tags) : tags_(std::move(tags)) {}

  RewardParts score(const RewardInput& input) const override {
    return {{{"format", fits(input.completion) ? 1.0 : 0.0}}, "", false};
  }

 private:
  /// Anchored at both ends; a tag inside a part, or twice, fails. Without an answer tag some text
  /// must follow the thinking part.
  bool fits(std::string_view text) const {
    const auto found = find_tags(text, tags_);
    const std::size_t wanted = tags_.answer.empty() ? 2 : 4;
    if (found.size() != wanted) return false;
    for (std::size_t k = 0; k < wanted; ++k)
      if (found[k].closing != (k % 2 == 1) || found[k].is_answer != (k >= 2)) return false;
    const auto between = [&](std::size_t k) {
      return text.substr(found[k].end, found[k + 1].begin - found[k].end);
    };
    if (!blank(text.substr(0, found[0].begin)) || blank(between(0))) return false;
    if (wanted == 2) return !blank(text.substr(found[1].end));
    return blank(between(1)) && !blank(between(2)) && blank(text.substr(found[3].end));
  }

  static bool blank(std::string_view text) { return data::split_whitespace(text).empty(); }

  TagOptions tags_;
};

}  // namespace

std::unique_ptr<Reward> make_format(const RewardOptions& options) {
  return std::make_unique<Format>(options.tags);
}

}  // namespace r1::rewards
