// Samples that leave and enter a running engine.
#include <algorithm>

#include "generation/generation_run.h"

namespace r1::generation {
namespace {

MovedSample moved(std::unique_ptr<Sequence> sequence) {
  return {sequence->start.origin, sequence->start.seed, *sequence->prompt,
          std::move(sequence->completion)};
}

}  // namespace

EngineLoad GenerationRun::load() const {
  return {scheduler_.num_waiting(), scheduler_.num_running(), statistics_.decode_steps};
}

std::vector<MovedSample> GenerationRun::give(std::int64_t waiting, std::int64_t running) {
  std::vector<MovedSample> samples;
  for (std::int64_t i = 0; i < waiting; ++i)
    samples.push_back(moved(scheduler_.take_last_waiting()));
  std::reverse(samples.begin(), samples.end());  // in their own order: prompts side by side
  for (std::int64_t i = 0; i < running; ++i) {
    auto& shortest =
        **std::min_element(slots_.begin(), slots_.end(), [](const auto* a, const auto* b) {
          return a != nullptr && (b == nullptr || a->length < b->length);
        });
    memory_.batch->clear(shortest.slot);
    leave_slot(shortest);
    take_experts(shortest);
    samples.push_back(moved(scheduler_.take_out(shortest)));
  }
  return samples;
}

void GenerationRun::take(std::vector<MovedSample> samples) {
  PromptGroup group;
  const auto add_group = [&] {
    if (!group.samples.empty()) scheduler_.add(std::exchange(group, {}));
  };
  for (auto& sample : samples) {
    const SampleStart start{sample.origin, sample.seed};
    const bool has_begun = !sample.completion.token_ids.empty();
    const bool same_prompt = !group.samples.empty() &&
                             group.samples.back().origin.engine == sample.origin.engine &&
                             group.samples.back().origin.request == sample.origin.request;
    if (has_begun || !same_prompt) add_group();
    if (!has_begun && same_prompt) {
      group.samples.push_back(start);
      continue;
    }
    auto prompt = std::make_shared<std::vector<data::TokenId>>(std::move(sample.prompt_ids));
    if (has_begun)
      scheduler_.add_begun(std::move(prompt), start, std::move(sample.completion));
    else
      group = {std::move(prompt), {start}};
  }
  add_group();
}

}  // namespace r1::generation
