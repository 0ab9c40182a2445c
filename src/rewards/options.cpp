#include "rewards/options.h"

#include <algorithm>
#include <set>

#include "rewards/registry.h"

namespace r1::rewards {

void RewardOptions::visit(base::OptionVisitor& v) {
  v.section_list("parts", parts, "the weighted parts of the reward, summed");
  v.section_list("groups", groups, "named factors for several parts");
  v("quality_cap_when_wrong", quality_cap_when_wrong,
    "most that weighted quality parts may earn together when the answer is wrong; 1: no cap "
    "(guide)");
  v("num_workers", num_workers, "threads that score, per rank");
  v("delay_ms", delay_ms,
    "testing aid: milliseconds to sleep per chunk of scoring, to see what overlaps with it");
  v("shuffle", shuffle,
    "testing aid: totals are permuted over the samples of a step, so that nothing can be learnt "
    "(one policy rank)");
  v.section("tags", tags, "how the thinking part and the answer are marked");
  v.section("quality", quality, "reasoning_quality, response_quality and consistency");
  v.section("readability", readability, "readability");
  v.section("correctness", correctness, "correctness");
  v.section("language", language, "language_consistency");
  v.section("repetition", repetition, "repetition");
  v.section("length", length, "length");
  v.section("overlong", overlong, "overlong");
  v.section("countdown", countdown, "countdown");
  v.section("reward_model", reward_model, "reward_model");
  v.section("safety", safety, "safety");
}

bool RewardOptions::has_part(const std::string& name) const {
  return std::any_of(parts.begin(), parts.end(),
                     [&name](const PartOptions& part) { return part.name == name; });
}

void RewardOptions::check(const std::string& key, base::Problems& problems) const {
  std::set<std::string> group_names;
  for (std::size_t i = 0; i < groups.size(); ++i)
    problems.require(!groups[i].name.empty() && group_names.insert(groups[i].name).second,
                     fmt::format("{}.groups[{}].name", key, i), "expected a name used once");
  std::set<std::string> names;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string here = fmt::format("{}.parts[{}]", key, i);
    problems.require(find_reward(parts[i].name) != nullptr, here + ".name",
                     fmt::format("unknown reward '{}', known: {}", parts[i].name, reward_names()));
    problems.require(names.insert(parts[i].name).second, here + ".name",
                     fmt::format("'{}' is listed twice", parts[i].name));
    problems.require(parts[i].group.empty() || group_names.count(parts[i].group) > 0,
                     here + ".group", fmt::format("no group named '{}'", parts[i].group));
  }
  problems.require(num_workers >= 1 && num_workers <= 1024, key + ".num_workers",
                   fmt::format("expected 1 to 1024, found {}", num_workers));
  problems.require(delay_ms >= 0, key + ".delay_ms", "expected no negative number");
  problems.require(quality_cap_when_wrong >= 0.0, key + ".quality_cap_when_wrong",
                   "expected no negative number");
  problems.require(!tags.think.empty(), key + ".tags.think", "expected a tag name");
  problems.require(readability.min_words <= readability.max_words, key + ".readability.min_words",
                   "is above max_words");
  problems.require(readability.wanted_paragraphs > 0.0, key + ".readability.wanted_paragraphs",
                   "expected a positive number");
  for (const auto& [name, n] : {std::pair{".quality.ngram", quality.ngram},
                                {".readability.ngram", readability.ngram},
                                {".repetition.ngram", repetition.ngram}})
    problems.require(n >= 1 && n <= 64, key + name, fmt::format("expected 1 to 64, found {}", n));
  problems.require(overlong.buffer_tokens >= 1, key + ".overlong.buffer_tokens",
                   "expected a positive number");
  problems.require(overlong.max_tokens >= 0, key + ".overlong.max_tokens",
                   "expected no negative number");
  problems.require(length.max_tokens >= 0, key + ".length.max_tokens",
                   "expected no negative number");
  for (const double x :
       {length.correct_short, length.correct_long, length.wrong_short, length.wrong_long})
    problems.require(x >= 0.0 && x <= 1.0, key + ".length",
                     fmt::format("expected [0, 1], found {}", x));
  problems.require(reward_model.scale > 0.0, key + ".reward_model.scale", "expected > 0");
  problems.require(countdown.valid_expression >= 0.0 && countdown.valid_expression < 0.5,
                   key + ".countdown.valid_expression", "expected [0, 0.5)");
}

}  // namespace r1::rewards
