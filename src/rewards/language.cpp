// Language consistency: the share of words in the thinking part that are in the target language.
// Reference: DeepSeek-R1, arXiv 2501.12948, section 2.3.2.
#include <memory>

#include "data/text.h"
#include "rewards/registry.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

class LanguageConsistency : public Reward {
 public:
  explicit LanguageConsistency(const RewardOptions& options)
      : target_(options.language.target), tags_(options.tags) {}

  /// 0 for an empty thinking part: no words earn nothing.
  RewardParts score(const RewardInput& input) const override {
    const std::string thinking = split_sections(input.completion, tags_).thinking;
    const std::string language =
        target_ == "problem" ? data::dominant_language(input.problem) : target_;
    const double share =
        data::split_whitespace(thinking).empty() ? 0.0 : data::language_share(thinking, language);
    return {{{"language_consistency", share}}, "", false};
  }

 private:
  std::string target_;
  TagOptions tags_;
};

}  // namespace

std::unique_ptr<Reward> make_language_consistency(const RewardOptions& options) {
  return std::make_unique<LanguageConsistency>(options);
}

}  // namespace r1::rewards
