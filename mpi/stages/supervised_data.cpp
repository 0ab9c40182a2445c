#include "stages/supervised_data.h"

#include <fmt/ranges.h>

#include <unordered_set>

#include "base/log.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/record_reader.h"
#include "data/text.h"

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
        std::int64_t too_long = 0, also_held_out = 0;
        std::unordered_set<std::string> held_out_questions;
        const auto add = [&](const nlohmann::json& record, const std::string& where,
                             bool held_out_file) {
          const auto text = data::sft_text(record, renderer, options, where, loss_on);
          auto sample = data::sft_sample(text, renderer, loss_on);
          if (static_cast<std::int64_t>(sample.prompt_ids.size() + sample.completion_ids.size()) >
              max_length) {
            ++too_long;
            return;
          }
          // As data::PromptDataset splits the same file, so that no stage learns what another
          // evaluates.
          const auto question = data::question_identity(record, options);
          if (held_out_file) held_out_questions.insert(data::normalise_for_matching(question));
          const bool kept_back =
              held_out_file ||
              (options.held_out_files.empty() && data::held_out_place(question) < options.held_out);
          if (!kept_back && held_out_questions.count(data::normalise_for_matching(question)) > 0) {
            ++also_held_out;
            return;
          }
          (kept_back ? held_out_ : train_).push_back(std::move(sample));
          if (!kept_back) prompt_texts_.push_back(text.prompt);
        };
        const auto read = [&](const std::vector<std::string>& files, bool held_out) {
          for (const auto& file : files)
            data::read_records(file, {.bad_lines = options.max_bad_lines},
                               [&](nlohmann::json&& record, const std::string& where) {
                                 add(record, where, held_out);
                               });
        };
        read(options.held_out_files, true);
        read(options.files, false);
        if (options.files.empty() && !options.generate.names.empty())
          for (const auto& problem : generated_problems(run)) {
            const auto& learnt = problem.solution.empty() ? problem.answer : problem.solution;
            add({{"instruction", problem.problem}, {"input", ""}, {"output", learnt}},
                problem.where, false);
          }
        if (also_held_out > 0 && run.writes())
          base::log_warning("{}: {} training records dropped: their questions are held out",
                            run.stage(), also_held_out);
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
