#include "roles/generator.h"

#include <optional>

#include "models/weight_shards.h"
#include "roles/replica_balancer.h"
#include "roles/rollout_record.h"
#include "roles/tool_turns.h"

namespace r1::mpi {
namespace {

/// Decode steps after which the ranks of a replica ask each other for a signal to stop.
constexpr std::int64_t kStepsPerAgreement = 16;

std::vector<const data::Prompt*> chosen(std::span<const data::Prompt> prompts,
                                        const OwnsGroup& owns) {
  std::vector<const data::Prompt*> mine;
  for (const auto& prompt : prompts)
    if (owns(prompt.index)) mine.push_back(&prompt);
  return mine;
}

}  // namespace

Generator::Generator(const Run& run, const models::Model& model, std::string role, TextModel text)
    : run_(run),
      model_(model),
      role_(std::move(role)),
      text_(std::move(text)),
      engine_(model, run.config().engine) {
  if (ToolTurns::used(run)) tools_ = std::make_unique<ToolTurns>(run, role_, text_);
}

Generator::~Generator() = default;

OwnsGroup groups_of(const parallel::Communicator& replicas) {
  return [rank = replicas.rank(), size = replicas.size()](std::int64_t group) {
    return group % size == rank;
  };
}

std::vector<data::Rollout> Generator::sample(
    std::span<const data::Prompt> prompts, std::int64_t samples,
    const generation::SamplingOptions& sampling,
    const std::function<std::uint64_t(std::int64_t)>& seed_of, const OwnsGroup& owns) {
  const auto mine = chosen(prompts, owns);
  std::vector<generation::Request> requests;
  for (const auto* prompt : mine) {
    generation::Request request{prompt->token_ids, {}, prompt->index};
    for (std::int64_t i = 0; i < samples; ++i)
      request.seeds.push_back(seed_of(prompt->index * samples + i));
    requests.push_back(std::move(request));
  }
  const auto decode = [this](std::span<const data::TokenId> ids) { return text_.decode(ids); };
  std::optional<ReplicaBalancer> balancer;
  if (run_.config().engine.balance_every > 0 && run_.groups().data(role_).size() > 1 &&
      !prompts.empty())
    balancer.emplace(run_, role_, prompts, samples);
  if (tools_) tools_->set_prompts(prompts);
  std::int64_t num_calls = 0;
  bool is_cut_short = false;
  const auto goes_on = [&] {
    run_.progress();
    // The ranks of a replica agree at the same step; a replica of one rank agrees with itself.
    if (!is_cut_short && num_calls++ % kStepsPerAgreement == 0)
      is_cut_short = run_.is_cut_short(role_);
    return !is_cut_short;
  };
  const models::AllWeights all_weights(model_);
  auto completions =
      engine_.generate(requests, sampling, {text_.tokenizer->eos_token_ids(), decode}, goes_on,
                       balancer ? &*balancer : nullptr, tools_.get());
  const auto busy = static_cast<double>(engine_.statistics().decode_steps);
  decode_steps_ = {busy, balancer ? static_cast<double>(balancer->elapsed_steps()) : busy,
                   balancer ? static_cast<double>(balancer->num_moved()) : 0.0,
                   engine_.statistics()};
  return rollouts_of(mine, samples, std::move(completions));
}

std::vector<data::Rollout> Generator::recorded(const RolloutReplay& replay, std::int64_t step,
                                               std::span<const data::Prompt> prompts,
                                               std::int64_t samples, const OwnsGroup& owns) {
  const auto mine = chosen(prompts, owns);
  std::vector<std::vector<data::Completion>> completions;
  for (const auto* prompt : mine) completions.push_back(replay.completions(step, *prompt, samples));
  return rollouts_of(mine, samples, std::move(completions));
}

std::vector<data::Rollout> Generator::rollouts_of(
    std::span<const data::Prompt* const> prompts, std::int64_t samples,
    std::vector<std::vector<data::Completion>> completions) const {
  std::vector<data::Rollout> rollouts;
  for (std::size_t g = 0; g < prompts.size(); ++g) {
    for (std::size_t i = 0; i < completions[g].size(); ++i) {
      data::Rollout rollout;
      rollout.group = prompts[g]->index;
      rollout.sample = rollout.group * samples + static_cast<std::int64_t>(i);
      rollout.prompt = *prompts[g];
      rollout.completion = std::move(completions[g][i]);
      rollout.completion.text = rewards::tools::sampled_text(rollout.completion, *text_.tokenizer);
      rollouts.push_back(std::move(rollout));
    }
  }
  return rollouts;
}

}  // namespace r1::mpi
