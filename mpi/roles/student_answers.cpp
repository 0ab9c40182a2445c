#include "roles/student_answers.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "checkpoint/agree.h"

namespace r1::mpi {

/// The answers of this replica, from its first rank: sample number, length and ids of each.
std::string StudentAnswers::own_ids() const {
  std::vector<std::int32_t> numbers;
  if (run_.groups().layout().leads(run_.world().rank(), kPolicy))
    for (const auto& answer : answers_) {
      const auto& ids = answer.completion.token_ids;
      numbers.push_back(static_cast<std::int32_t>(answer.sample));
      numbers.push_back(static_cast<std::int32_t>(ids.size()));
      numbers.insert(numbers.end(), ids.begin(), ids.end());
    }
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(std::int32_t)};
}

std::vector<data::TrainingSample> StudentAnswers::sample(Learner& student,
                                                         std::span<const data::Prompt> prompts,
                                                         std::int64_t step) {
  const auto& config = run_.config();
  const auto per_prompt = config.distill.samples_per_prompt;
  if (student.active()) {
    const auto span = run_.timeline().span("generate", step);
    if (!generator_)
      generator_ = std::make_unique<Generator>(run_, student.model(), kPolicy, run_.text());
    const auto seed_of = [&](std::int64_t sample) {
      return run_.seed({base::hash_name("on-policy distillation"), static_cast<std::uint64_t>(step),
                        static_cast<std::uint64_t>(sample)});
    };
    answers_ = generator_->sample(prompts, per_prompt, config.sampling, seed_of,
                                  groups_of(student.data_parallel()));
  }
  auto& world = run_.world();
  std::string all;
  for (const auto& part : checkpoint::gather_bytes(world, own_ids(), "the student's answers"))
    all += part;
  all = checkpoint::broadcast_bytes(world, all, 0, "the student's answers");
  std::vector<std::int32_t> numbers(all.size() / sizeof(std::int32_t));
  if (!all.empty()) std::memcpy(numbers.data(), all.data(), all.size());
  std::vector<data::TrainingSample> samples(prompts.size() * static_cast<std::size_t>(per_prompt));
  for (auto next = numbers.begin(); next != numbers.end();) {
    const auto number = static_cast<std::size_t>(*next++);
    const auto length = *next++;
    auto& sample = samples.at(number);
    sample.prompt_ids = prompts[number / static_cast<std::size_t>(per_prompt)].token_ids;
    sample.completion_ids.assign(next, next + length);
    next += length;
  }
  return samples;
}

void StudentAnswers::add_metrics(Learner& student, metrics::StepMetrics& metrics) const {
  if (!student.active()) return;
  auto sums = at::zeros({3}, at::kDouble);  // answers, tokens, truncated answers
  auto* sum = sums.mutable_data_ptr<double>();
  double longest = 0.0;
  for (const auto& answer : answers_) {
    const auto length = static_cast<double>(answer.completion.token_ids.size());
    sum[0] += 1.0;
    sum[1] += length;
    sum[2] += answer.completion.finish_reason == data::FinishReason::Length ? 1.0 : 0.0;
    longest = std::max(longest, length);
  }
  auto& replicas = student.data_parallel();
  replicas.all_reduce(sums, parallel::ReduceOp::Sum, "lengths of answers").wait();
  sum = sums.mutable_data_ptr<double>();
  metrics.set("completion_length", sum[1] / std::max(1.0, sum[0]));
  metrics.set("completion_length_max",
              replicas.all_reduce_scalar(longest, parallel::ReduceOp::Max, "longest answer"));
  metrics.set("truncated_share", sum[2] / std::max(1.0, sum[0]));
}

}  // namespace r1::mpi
