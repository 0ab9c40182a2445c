// The repetition reward: one minus the share of repeated n-grams of words.
#include <memory>

#include "data/text.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

class Repetition : public Reward {
 public:
  explicit Repetition(const RepetitionOptions& options) : ngram_(static_cast<int>(options.ngram)) {}

  RewardParts score(const RewardInput& input) const override {
    const auto words = data::split_words(input.completion);
    return {{{"repetition", 1.0 - data::repeated_ngram_share(words, ngram_)}}, "", false};
  }

 private:
  int ngram_;
};

}  // namespace

std::unique_ptr<Reward> make_repetition(const RewardOptions& options) {
  return std::make_unique<Repetition>(options.repetition);
}

}  // namespace r1::rewards
