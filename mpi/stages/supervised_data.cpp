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

std::int64_t longest_sample(std::span<const data::TrainingSample> samples) {
  std::size_t longest = 0;
  for (const auto& sample : samples)
    longest = std::max(longest, sample.prompt_ids.size() + sample.completion_ids.size());
  return static_cast<std::int64_t>(longest);
}

ReadRecord next_token_reader(const data::DataOptions& options, data::LossOn loss_on) {
  return [&options, loss_on](const nlohmann::json& record, const std::string& where,
                             const data::PromptRenderer& renderer) {
    const auto text = data::sft_text(record, renderer, options, where, loss_on);
    const std::vector samples{data::sft_sample(text, renderer, loss_on)};
    return SupervisedRecord{samples, text.prompt, data::question_identity(record, options),
                            longest_sample(samples)};
  };
}

ReadRecord prompt_reader(const config::Config& config) {
  return [&config](const nlohmann::json& record, const std::string& where,
                   const data::PromptRenderer& renderer) {
    const auto problem = data::make_problem(record, config.data, where);
    const auto prompt = renderer.text(problem);
    const auto length = static_cast<std::int64_t>(renderer.prompt_ids(prompt).size());
    return SupervisedRecord{
        {}, prompt, problem.identity(), length + config.sampling.max_new_tokens};
  };
}

/// The records on their way into a SupervisedData.
class SupervisedData::Loading {
 public:
  Loading(SupervisedData& data, std::int64_t max_length, const ReadRecord& read)
      : data_(data), options_(data.run_.config().data), max_length_(max_length), read_(read) {}

  void add(const nlohmann::json& record, const std::string& where, bool held_out_file) {
    auto found = read_(record, where, *data_.renderer_);
    if (found.length > max_length_) {
      ++too_long_;
      return;
    }
    // As data::PromptDataset splits the same file, so that no stage learns what another evaluates.
    const auto question = data::normalise_for_matching(found.question);
    if (held_out_file) held_out_questions_.insert(question);
    const bool kept_back =
        held_out_file || (options_.held_out_files.empty() &&
                          data::held_out_place(found.question) < options_.held_out);
    if (kept_back) {
      ++data_.num_held_out_;
      for (auto& sample : found.samples) data_.held_out_.push_back(std::move(sample));
    } else if (held_out_questions_.count(question) > 0) {
      ++also_held_out_;
    } else {
      data_.train_.push_back(std::move(found.samples));
      data_.prompt_texts_.push_back(std::move(found.prompt));
    }
  }

  void add_files(const std::vector<std::string>& files, bool held_out) {
    for (const auto& file : files)
      data::read_records(
          file, {.bad_lines = options_.max_bad_lines},
          [&](nlohmann::json&& record, const std::string& where) { add(record, where, held_out); });
  }

  void warn() const {
    const auto& run = data_.run_;
    if (also_held_out_ > 0 && run.writes())
      base::log_warning("{}: {} training records dropped: their questions are held out",
                        run.stage(), also_held_out_);
    if (too_long_ > 0 && run.writes())
      base::log_warning("{}: {} records are longer than {} tokens and left out", run.stage(),
                        too_long_, max_length_);
  }

 private:
  SupervisedData& data_;
  const data::DataOptions& options_;
  std::int64_t max_length_;
  const ReadRecord& read_;
  std::int64_t too_long_ = 0, also_held_out_ = 0;
  std::unordered_set<std::string> held_out_questions_;
};

SupervisedData::SupervisedData(const Run& run, std::int64_t max_length, const ReadRecord& read)
    : run_(run) {
  run.together(
      [&] {
        const auto& options = run.config().data;
        renderer_.emplace(make_renderer(run));
        Loading loading(*this, max_length, read);
        loading.add_files(options.held_out_files, true);
        loading.add_files(options.files, false);
        if (options.files.empty() && !options.generate.names.empty())
          for (const auto& problem : generated_problems(run)) {
            const auto& learnt = problem.solution.empty() ? problem.answer : problem.solution;
            loading.add({{"instruction", problem.problem}, {"input", ""}, {"output", learnt}},
                        problem.where, false);
          }
        loading.warn();
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
  for (const auto record : records_of(step, size))
    batch.insert(batch.end(), train_[record].begin(), train_[record].end());
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
