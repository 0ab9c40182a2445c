#include "rewards/judged.h"

#include <cmath>

#include "base/errors.h"
#include "data/text.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

double model_score(const RewardInput& input, const std::string& part) {
  const auto found = input.model_scores.find(part);
  R1_CHECK(found != input.model_scores.end(), "no model scored the part {}", part);
  return found->second;
}

class PreferencePart : public Reward {
 public:
  explicit PreferencePart(const ScoringModelOptions& model) : model_(model) {}
  RewardParts score(const RewardInput& input) const override {
    const double z = (model_score(input, model_.name) - model_.offset) / model_.scale;
    return {{{model_.name, 1.0 / (1.0 + std::exp(-z))}}, "", false};
  }

 private:
  ScoringModelOptions model_;
};

class SafetyPart : public Reward {
 public:
  SafetyPart(const ScoringModelOptions& model, const TagOptions& tags)
      : model_(model), tags_(tags) {}
  RewardParts score(const RewardInput& input) const override {
    const bool foreign = is_mostly_non_latin(seen_text(input.completion, model_.sees, tags_));
    return {{{model_.name, model_score(input, model_.name)},
             {model_.name + ".non_latin", foreign ? 1.0 : 0.0}},
            "",
            false};
  }

 private:
  ScoringModelOptions model_;
  TagOptions tags_;
};

/// The scoring model of a part that is listed.
ScoringModelOptions model_of_part(const RewardOptions& options, const char* name) {
  for (const ScoringModelOptions& model : options.scoring_models())
    if (model.name == name) return model;
  throw base::InternalError(fmt::format("no part '{}' is listed", name));
}

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

std::unique_ptr<Reward> make_judged(const ScoringModelOptions& model, const TagOptions& tags) {
  if (model.is_preference()) return std::make_unique<PreferencePart>(model);
  return std::make_unique<SafetyPart>(model, tags);
}

std::unique_ptr<Reward> make_reward_model(const RewardOptions& options) {
  return make_judged(model_of_part(options, kRewardModelPart), options.tags);
}

std::unique_ptr<Reward> make_safety(const RewardOptions& options) {
  return make_judged(model_of_part(options, kSafetyPart), options.tags);
}

}  // namespace r1::rewards
