#include "rewards/options.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/ranges.h"
#include "rewards/puzzles/scorer.h"
#include "rewards/registry.h"

namespace r1::rewards {

void RewardOptions::visit(base::OptionVisitor& v) {
  v.section_list("parts", parts, "the weighted parts of the reward, summed");
  v.section_list("groups", groups, "named factors for several parts");
  v.section_list("models", models,
                 "models that score parts of their own, besides [reward_model] and [classifier]");
  v("quality_cap_when_wrong", quality_cap_when_wrong,
    "most that weighted quality parts may earn together when the answer is wrong; 1: no cap "
    "(guide)");
  v("workers", workers,
    "processes that score, per rank, each under [rewards.limits]; 0: threads of the program");
  v("threads", threads, "threads that score, per rank, where workers is 0");
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
  v.section("limits", limits, "what a worker process may use");
  v.section("code", code, "code");
  v.section("external", external, "external");
  v.section("reward_model", reward_model, "reward_model");
  v.section("safety", safety, "safety");
  v.section("puzzle", puzzle, "puzzle");
}

bool RewardOptions::has_part(const std::string& name) const {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const PartOptions& part) { return part.name == name; });
}

std::vector<ScoringModelOptions> RewardOptions::scoring_models() const {
  ScoringModelOptions preference, labels;
  preference.name = kRewardModelPart;
  preference.sees = reward_model.sees;
  preference.offset = reward_model.offset;
  preference.scale = reward_model.scale;
  labels.name = kSafetyPart;
  labels.kind = "safety";
  labels.sees = safety.sees;
  std::vector<ScoringModelOptions> list{preference, labels};
  list.insert(list.end(), models.begin(), models.end());
  std::erase_if(list, [this](const auto& model) { return !has_part(model.name); });
  return list;
}

bool RewardOptions::runs_programs() const {
  return has_part("code") || (has_part("puzzle") && puzzle.programs);
}

double RewardOptions::sample_budget() const {
  double seconds = limits.sample_seconds;
  if (runs_programs()) seconds += code.compile_seconds + code.run_seconds;
  if (has_part("external")) seconds += 2.0 * external.timeout;  // once more after it died
  return seconds;
}

namespace {

bool is_reward(const RewardOptions& options, const std::string& name) {
  return find_reward(name) != nullptr ||
         std::any_of(options.models.begin(), options.models.end(),
                     [&name](const auto& model) { return model.name == name; });
}

void check_models(const RewardOptions& o, const std::string& key, base::Problems& problems) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < o.models.size(); ++i) {
    const ScoringModelOptions& model = o.models[i];
    const std::string here = fmt::format("{}.models[{}]", key, i);
    problems.require(
        !model.name.empty() && model.name.find('.') == std::string::npos &&
            find_reward(model.name) == nullptr && names.insert(model.name).second,
        here + ".name",
        fmt::format("expected a name without a dot, used once, that is no reward of the "
                    "registry, found '{}'",
                    model.name));
    problems.require(!model.path.empty(), here + ".path", "expected a model");
    problems.require(model.scale > 0.0, here + ".scale", "expected > 0");
  }
}

void check_processes(const RewardOptions& o, const std::string& key, base::Problems& problems) {
  problems.require(o.workers >= 0 && o.workers <= kMaxWorkers, key + ".workers",
                   fmt::format("expected 0 to {}, found {}", kMaxWorkers, o.workers));
  problems.require(!o.runs_programs() || o.workers > 0, key + ".workers",
                   "programs run in worker processes: expected 1 or more");
  problems.require(!o.has_part("external") || o.workers > 0, key + ".workers",
                   "the part 'external' runs in worker processes: expected 1 or more");
  problems.require(!o.has_part("external") || !o.external.command.empty(),
                   key + ".external.command", "expected the command of the part 'external'");
  const std::pair<const char*, double> seconds[] = {
      {".limits.sample_seconds", o.limits.sample_seconds},
      {".limits.step_seconds", o.limits.step_seconds},
      {".code.test_seconds", o.code.test_seconds},
      {".code.run_seconds", o.code.run_seconds},
      {".code.compile_seconds", o.code.compile_seconds},
      {".external.timeout", o.external.timeout}};
  for (const auto& [name, value] : seconds)
    problems.require(value > 0.0 && value <= 86400.0, key + name,
                     fmt::format("expected up to a day, in seconds, found {}", value));
  const std::tuple<const char*, std::int64_t, std::int64_t, std::int64_t> numbers[] = {
      {".limits.memory_mib", o.limits.memory_mib, 64, 1 << 24},
      {".code.memory_mib", o.code.memory_mib, 16, 1 << 24},
      {".code.compile_memory_mib", o.code.compile_memory_mib, 64, 1 << 24},
      {".code.output_bytes", o.code.output_bytes, 1, std::int64_t{1} << 32},
      {".code.max_tests", o.code.max_tests, 1, 1 << 20}};
  for (const auto& [name, value, least, most] : numbers)
    problems.require(value >= least && value <= most, key + name,
                     fmt::format("expected {} to {}, found {}", least, most, value));
}

}  // namespace

void RewardOptions::check(const std::string& key, base::Problems& problems) const {
  std::set<std::string> group_names;
  for (std::size_t i = 0; i < groups.size(); ++i)
    problems.require(!groups[i].name.empty() && group_names.insert(groups[i].name).second,
                     fmt::format("{}.groups[{}].name", key, i), "expected a name used once");
  std::set<std::string> names;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string here = fmt::format("{}.parts[{}]", key, i);
    problems.require(is_reward(*this, parts[i].name), here + ".name",
                     fmt::format("unknown reward '{}', known: {}, and names of [[rewards.models]]",
                                 parts[i].name, reward_names()));
    problems.require(names.insert(parts[i].name).second, here + ".name",
                     fmt::format("'{}' is listed twice", parts[i].name));
    for (const auto& [field, values] : parts[i].when)
      problems.require(!field.empty() && !values.empty(), here + ".when",
                       "expected fields with the values that they may have");
    problems.require(parts[i].group.empty() || group_names.count(parts[i].group) > 0,
                     here + ".group", fmt::format("no group named '{}'", parts[i].group));
  }
  check_models(*this, key, problems);
  check_processes(*this, key, problems);
  problems.require(threads >= 1 && threads <= kMaxWorkers, key + ".threads",
                   fmt::format("expected 1 to {}, found {}", kMaxWorkers, threads));
  base::require_at_least(problems, key + ".delay_ms", delay_ms, 0);
  base::require_at_least(problems, key + ".quality_cap_when_wrong", quality_cap_when_wrong, 0);
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
  problems.require(
      puzzle.scorer.empty() || puzzles::find_scorer(puzzle.scorer) != nullptr,
      key + ".puzzle.scorer",
      fmt::format("unknown scorer '{}', known: {}", puzzle.scorer, puzzles::scorer_names()));
  problems.require(countdown.valid_expression >= 0.0 && countdown.valid_expression < 0.5,
                   key + ".countdown.valid_expression", "expected [0, 0.5)");
}

bool is_scorer(const std::string& scorer) {
  return !reward_of_scorer(scorer).empty();
}

std::string scorer_list() {
  return fmt::format(
      "maths, code, safety, choice, reasoning_gym, rewards ({}), puzzle scorers ({})",
      reward_names(), puzzles::scorer_names());
}

}  // namespace r1::rewards
