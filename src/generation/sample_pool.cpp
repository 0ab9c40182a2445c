// Samples that leave and enter a running engine.
#include <algorithm>

#include "generation/generation_run.h"

namespace r1::generation {
namespace {

MovedSample moved(const PromptIds& prompt, const SampleStart& start) {
  return {start.origin, start.seed, *prompt, {}};
}

MovedSample moved(Sequence sequence) {
  auto sample = moved(sequence.prompt, sequence.start);
  sample.completion = std::move(sequence.completion);
  return sample;
}

/// Takes the last sample of the last of `prompts`.
template <class Prompts>
MovedSample take_last(Prompts& prompts) {
  auto& last = prompts.back();
  auto sample = moved(last.prompt, last.samples.back());
  last.samples.pop_back();
  return sample;
}

}  // namespace

EngineLoad GenerationRun::load() const {
  EngineLoad load{static_cast<std::int64_t>(resumed_.size()), num_running_,
                  statistics_.decode_steps};
  for (const auto& prompt : waiting_)
    load.waiting += static_cast<std::int64_t>(prompt.samples.size());
  for (const auto& group : groups_) load.waiting += static_cast<std::int64_t>(group.samples.size());
  return load;
}

std::vector<MovedSample> GenerationRun::give(std::int64_t waiting, std::int64_t running) {
  std::vector<MovedSample> samples;
  for (std::int64_t i = 0; i < waiting; ++i) samples.push_back(give_waiting());
  std::reverse(samples.begin(), samples.end());  // in their own order: prompts side by side
  for (std::int64_t i = 0; i < running; ++i) samples.push_back(give_running());
  return samples;
}

MovedSample GenerationRun::give_waiting() {
  if (!waiting_.empty()) {
    auto sample = take_last(waiting_);
    if (waiting_.back().samples.empty()) waiting_.pop_back();
    return sample;
  }
  if (!groups_.empty()) {
    auto sample = take_last(groups_);
    if (groups_.back().samples.empty()) {
      scheduler_.release(groups_.back().blocks);
      groups_.pop_back();
    }
    return sample;
  }
  auto sample = moved(std::move(resumed_.back()));
  resumed_.pop_back();
  return sample;
}

MovedSample GenerationRun::give_running() {
  const auto shortest = std::min_element(
      slots_.begin(), slots_.end(),
      [](const auto& a, const auto& b) { return a && (!b || a->length < b->length); });
  const auto slot = (*shortest)->slot;
  memory_.batch->clear(slot);
  return moved(std::move(*take_out(slot)));
}

void GenerationRun::take(std::vector<MovedSample> samples) {
  const SampleOrigin* neighbour = nullptr;  // the sample before, where it has not begun
  for (auto& sample : samples) {
    const SampleStart start{sample.origin, sample.seed};
    auto& completion = sample.completion;
    if (!completion.token_ids.empty()) {
      const auto drawn = completion.token_ids.size();
      const auto length = sample.prompt_ids.size() + drawn - 1;
      resumed_.push_back(
          {std::make_shared<std::vector<data::TokenId>>(std::move(sample.prompt_ids)),
           start,
           {},
           static_cast<std::int64_t>(length),
           std::move(completion),
           -1,
           static_cast<std::int64_t>(drawn)});
      neighbour = nullptr;
      continue;
    }
    const bool same_prompt = neighbour && neighbour->engine == sample.origin.engine &&
                             neighbour->request == sample.origin.request;
    if (!same_prompt)
      waiting_.push_back(
          {std::make_shared<std::vector<data::TokenId>>(std::move(sample.prompt_ids)), {}});
    waiting_.back().samples.push_back(start);
    neighbour = &sample.origin;
  }
}

}  // namespace r1::generation
