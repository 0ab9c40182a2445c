#include "rewards/judged.h"

#include <cmath>

#include "base/errors.h"
#include "data/text.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

double model_score(const RewardInput& input, const char* part) {
  const auto found = input.model_scores.find(part);
  R1_CHECK(found != input.model_scores.end(), "no model scored the part {}", part);
  return found->second;
}

class RewardModelPart : public Reward {
 public:
  explicit RewardModelPart(const RewardModelOptions& options) : options_(options) {}
  RewardParts score(const RewardInput& input) const override {
    const double z = (model_score(input, kRewardModelPart) - options_.offset) / options_.scale;
    return {{{kRewardModelPart, 1.0 / (1.0 + std::exp(-z))}}, "", false};
  }

 private:
  RewardModelOptions options_;
};

class SafetyPart : public Reward {
 public:
  explicit SafetyPart(const RewardOptions& options)
      : sees_(options.safety.sees), tags_(options.tags) {}
  RewardParts score(const RewardInput& input) const override {
    const bool foreign = is_mostly_non_latin(seen_text(input.completion, sees_, tags_));
    return {
        {{kSafetyPart, model_score(input, kSafetyPart)}, {"safety.non_latin", foreign ? 1.0 : 0.0}},
        "",
        false};
  }

 private:
  std::string sees_;
  TagOptions tags_;
};

}  // namespace

std::string seen_text(const std::string& completion, const std::string& sees,
                      const TagOptions& tags) {
  if (sees == "all") return completion;
  std::string answer;
  if (!tags.answer.empty() && last_answer_block(completion, tags.answer, answer)) return answer;
  return split_sections(completion, tags).rest;
}

bool is_mostly_non_latin(std::string_view text) {
  std::int64_t latin = 0, others = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto code_point = data::next_code_point(text, at);
    if (code_point < 0) continue;
    const auto script = data::script_of(code_point);
    if (script == data::Script::None) continue;
    ++(script == data::Script::Latin ? latin : others);
  }
  return others > latin;
}

std::unique_ptr<Reward> make_reward_model(const RewardOptions& options) {
  return std::make_unique<RewardModelPart>(options.reward_model);
}

std::unique_ptr<Reward> make_safety(const RewardOptions& options) {
  return std::make_unique<SafetyPart>(options);
}

}  // namespace r1::rewards
