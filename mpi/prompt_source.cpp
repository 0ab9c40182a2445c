#include "prompt_source.h"

#include "base/errors.h"
#include "base/log.h"
#include "data/missing_answers.h"
#include "model_loading.h"
#include "rewards/applicable_parts.h"
#include "rewards/requirements.h"

namespace r1::mpi {

data::PromptRenderer make_renderer(const Run& run) {
  return make_renderer(run, run.config().data, run.text());
}

data::PromptRenderer make_renderer(const Run& run, const data::DataOptions& data,
                                   const TextModel& text) {
  const auto& tags = run.config().rewards.tags;
  return {data, {tags.think, tags.answer, tags.forced_opening}, text.tokenizer, run.started()};
}

namespace {

/// Looks at the first problems alone: reading an answer takes longer than reading a record.
void require_readable_answers(const std::vector<data::Problem>& problems,
                              const rewards::RewardOptions& rewards, const std::string& label,
                              bool says) {
  constexpr std::int64_t kLookedAt = 100;
  std::int64_t number = 0, unreadable = 0;
  const data::Problem* first = nullptr;
  for (const auto& problem : problems) {
    rewards::RewardInput input;
    input.record = problem.record;
    input.answer = problem.answer;
    if (problem.answer.empty() || !rewards::is_applicable(rewards, input, "correctness")) continue;
    if (++number > kLookedAt) break;
    if (rewards::can_read_answer(problem.answer)) continue;
    ++unreadable;
    if (first == nullptr) first = &problem;
  }
  if (unreadable == 0) return;
  number = std::min(number, kLookedAt);
  const auto message = fmt::format(
      "{} of the first {} gold answers cannot be read by the reward correctness, so that their "
      "samples are dropped; the first, {}: \"{}\"; the record has the fields {} "
      "(data.answer_fields)",
      unreadable, number, first->where, first->answer.substr(0, 60),
      data::list_fields(first->record));
  if (unreadable == number) throw base::InputError(label + ": " + message);
  if (says) base::log_warning("{}: {}", label, message);
}

}  // namespace

void require_answers(const Run& run, const std::vector<data::Problem>& problems,
                     const rewards::RewardOptions& rewards, const std::string& label) {
  if (const auto program = rewards::missing_program(rewards); !program.empty())
    throw base::InputError(
        fmt::format("rewards.external.command: {} is no program that can be run here", program));
  require_readable_answers(problems, rewards, label, run.world().rank() == 0);
  const auto missing = data::find_missing_answers(
      problems, run.config().data,
      [&](const auto& problem) { return rewards::needs_answer(rewards, problem.record); });
  if (missing.number == 0) return;
  if (missing.number == static_cast<std::int64_t>(problems.size()))
    throw base::InputError(label + ": " + missing.message);
  if (run.world().rank() == 0)
    base::log_warning("{}: {}; their samples are scored by the parts that need none, or dropped",
                      label, missing.message);
}

PromptSource::PromptSource(const Run& run) : run_(run) {
  run.together(
      [&] {
        renderer_ = make_renderer(run);
        dataset_ = load(run.config().data);
        if (run.kind() != config::Stage::Rl) return;
        for (const auto& change : run.config().rl.changes) {
          if (change.files.empty()) continue;
          auto data = run.config().data;
          data.files = change.files;
          changed_.emplace_back(change.from_step, load(data));
        }
      },
      "loading the prompts");
}

data::PromptDataset PromptSource::load(const data::DataOptions& options) {
  auto dataset =
      data::PromptDataset::load(options, static_cast<std::uint64_t>(run_.config().run.seed));
  drop_overlong(dataset);
  require_answers(run_, dataset.train(), run_.config().rewards, "[data]");
  return dataset;
}

const data::PromptDataset& PromptSource::dataset_at(std::int64_t step) const {
  const auto* dataset = &*dataset_;
  for (const auto& [from_step, changed] : changed_)
    if (from_step <= step) dataset = &changed;
  return *dataset;
}

void PromptSource::drop_overlong(data::PromptDataset& dataset) {
  const auto context = model_shape(run_.config().model).max_position_embeddings;
  std::int64_t num_dropped = 0, tokens = 0;
  std::string first;
  dataset.drop([&](const data::Problem& problem) {
    const auto text = renderer_->text(problem);
    // A token is a byte at least; bos and the space of some tokenizers come in front: most prompts
    // need no count.
    if (static_cast<std::int64_t>(text.text.size()) + 2 < context) return false;
    const auto length = static_cast<std::int64_t>(renderer_->prompt_ids(text).size());
    if (length < context) return false;
    if (num_dropped++ == 0) {
      first = problem.where;
      tokens = length;
    }
    return true;
  });
  if (num_dropped == 0) return;
  const auto message = fmt::format(
      "problems dropped: {}, whose prompts leave no room for an answer in a context of {} tokens; "
      "the first: {} ({} tokens)",
      num_dropped, context, first, tokens);
  if (dataset.train().empty())
    throw base::InputError("[data]: no training problem is left; " + message);
  if (run_.world().rank() == 0) base::log_warning("[data]: {}", message);
}

std::vector<data::Prompt> PromptSource::render(std::span<const data::Problem* const> problems,
                                               std::int64_t first_index) const {
  std::vector<data::Prompt> prompts;
  for (const auto* problem : problems)
    prompts.push_back(renderer_->prompt(*problem, first_index++));
  return prompts;
}

std::vector<data::Prompt> PromptSource::batch(std::int64_t step, std::int64_t size) const {
  return render(dataset_at(step).batch(step, size), 0);
}

std::vector<data::Prompt> PromptSource::places(std::int64_t first, std::int64_t last,
                                               std::int64_t first_index) const {
  std::vector<const data::Problem*> problems;
  for (auto place = first; place < last; ++place)
    problems.push_back(&dataset_->train()[static_cast<std::size_t>(dataset_->index_at(place))]);
  return render(problems, first_index);
}

std::vector<data::Prompt> PromptSource::held_out(std::int64_t limit) const {
  std::vector<const data::Problem*> problems;
  for (const auto& problem : dataset_->held_out())
    if (limit == 0 || static_cast<std::int64_t>(problems.size()) < limit)
      problems.push_back(&problem);
  return render(problems, 0);
}

}  // namespace r1::mpi
