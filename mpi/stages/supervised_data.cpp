#include "stages/supervised_data.h"

#include <fmt/ranges.h>

#include "base/log.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/jsonl.h"

namespace r1::mpi {

namespace {

/// Of [data.generate], those that are not held out.
std::vector<data::Problem> generated_problems(const Run& run) {
  return data::PromptDataset::load(run.config().data,
                                   static_cast<std::uint64_t>(run.config().run.seed))
      .train();
}

}  // namespace

SupervisedData::SupervisedData(const Run& run, std::int64_t max_length, data::LossOn loss_on)
    : run_(run) {
  run.together(
      [&] {
        const auto& options = run.config().data;
        const auto& renderer = renderer_.emplace(make_renderer(run));
        std::int64_t too_long = 0;
        const auto add = [&](nlohmann::json&& record, const std::string& where) {
          const auto text = data::sft_text(record, renderer, options, where, loss_on);
          auto sample = data::sft_sample(text, renderer, loss_on);
          if (static_cast<std::int64_t>(sample.prompt_ids.size() + sample.completion_ids.size()) >
              max_length) {
            ++too_long;
            return;
          }
          const bool kept_back =
              static_cast<double>(base::hash_name(text.prompt.text) >> 11) * 0x1.0p-53 <
              options.held_out;
          (kept_back ? held_out_ : train_).push_back(std::move(sample));
          if (!kept_back) prompt_texts_.push_back(text.prompt);
        };
        for (const auto& file : options.files)
          data::read_records(file, {.bad_lines = options.max_bad_lines}, add);
        if (options.files.empty() && !options.generate.names.empty())
          for (const auto& problem : generated_problems(run)) {
            const auto& learnt = problem.solution.empty() ? problem.answer : problem.solution;
            add({{"instruction", problem.problem}, {"input", ""}, {"output", learnt}},
                problem.where);
          }
        if (too_long > 0 && run.writes())
          base::log_warning("{}: {} records are longer than {} tokens and left out", run.stage(),
                            too_long, max_length);
        if (train_.empty())
          throw base::InputError(
              options.files.empty()
                  ? "data.files: expected files of records, or data.generate.names"
                  : fmt::format("data.files: no training record in {}",
                                fmt::join(options.files, ", ")));
      },
      "loading the training data");
}

std::vector<data::TrainingSample> SupervisedData::batch(std::int64_t step,
                                                        std::int64_t size) const {
  std::vector<data::TrainingSample> batch;
  for (const auto record : records_of(step, size)) batch.push_back(train_[record]);
  return batch;
}

std::vector<data::Prompt> SupervisedData::prompts(std::int64_t step, std::int64_t size) const {
  std::vector<data::Prompt> prompts;
  for (const auto record : records_of(step, size)) {
    data::Prompt prompt;
    prompt.index = static_cast<std::int64_t>(prompts.size());
    const auto& text = prompt_texts_[record];
    prompt.text = prompt.problem = text.text;
    prompt.opening = text.opening;
    prompt.token_ids = renderer_->prompt_ids(text);
    if (!prompt.token_ids.empty()) prompts.push_back(std::move(prompt));
  }
  return prompts;
}

std::vector<std::size_t> SupervisedData::records_of(std::int64_t step, std::int64_t size) const {
  std::vector<std::size_t> records;
  std::vector<std::int64_t> order;
  std::int64_t known_epoch = -1;
  for (auto place = step * size; place < (step + 1) * size; ++place) {
    const auto epoch = place / this->size();
    if (epoch != known_epoch)
      order = base::permutation(
          this->size(), run_.seed({base::hash_name("order"), static_cast<std::uint64_t>(epoch)}));
    known_epoch = epoch;
    records.push_back(
        static_cast<std::size_t>(order[static_cast<std::size_t>(place % this->size())]));
  }
  return records;
}

std::int64_t SupervisedData::total_steps(std::int64_t epochs, std::int64_t steps,
                                         std::int64_t batch) const {
  return steps > 0 ? steps : (epochs * size() + batch - 1) / batch;
}

}  // namespace r1::mpi
