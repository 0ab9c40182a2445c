#include "roles/generator.h"

namespace r1::mpi {

std::vector<data::Rollout> Generator::sample(
    std::span<const data::Prompt> prompts, std::int64_t samples,
    const generation::SamplingOptions& sampling,
    const std::function<std::uint64_t(std::int64_t)>& seed_of,
    parallel::Communicator& data_parallel) {
  std::vector<generation::Request> requests;
  std::vector<const data::Prompt*> mine;
  for (const auto& prompt : prompts) {
    if (prompt.index % data_parallel.size() != data_parallel.rank()) continue;
    mine.push_back(&prompt);
    generation::Request request{prompt.token_ids, {}};
    for (std::int64_t i = 0; i < samples; ++i)
      request.seeds.push_back(seed_of(prompt.index * samples + i));
    requests.push_back(std::move(request));
  }
  const auto decode = [this](std::span<const data::TokenId> ids) {
    return run_.text().decode(ids);
  };
  auto completions =
      engine_.generate(requests, sampling, {run_.text().tokenizer->eos_token_ids(), decode},
                       [this] { run_.progress(); });
  std::vector<data::Rollout> rollouts;
  for (std::size_t g = 0; g < mine.size(); ++g) {
    for (std::size_t i = 0; i < completions[g].size(); ++i) {
      data::Rollout rollout;
      rollout.group = mine[g]->index;
      rollout.sample = rollout.group * samples + static_cast<std::int64_t>(i);
      rollout.prompt = *mine[g];
      rollout.completion = std::move(completions[g][i]);
      rollout.completion.text = decode(rollout.completion.token_ids);
      rollouts.push_back(std::move(rollout));
    }
  }
  return rollouts;
}

}  // namespace r1::mpi
