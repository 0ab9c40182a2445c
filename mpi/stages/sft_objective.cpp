#include "stages/sft_objective.h"

#include <algorithm>

#include "data/preference.h"
#include "rewards/model_judge.h"

namespace r1::mpi {
namespace {

std::string preference_question(const data::Preference& preference,
                                const data::DataOptions& options) {
  return data::question_identity(preference.chosen.record, options);
}

ReadRecord dpo_reader(const data::DataOptions& options) {
  return [&options](const nlohmann::json& record, const std::string& where,
                    const data::PromptRenderer& renderer) {
    const auto preference = data::read_preference(record, options, where);
    auto samples = data::preference_samples(preference, renderer, options, where);
    const auto length = longest_sample(samples);
    return SupervisedRecord{
        std::move(samples), {}, preference_question(preference, options), length};
  };
}

/// The ids of a conversation as the trained reward model will read it when it judges.
std::vector<data::TokenId> judged_ids(const rewards::JudgeTokenizer& judge,
                                      const nlohmann::json& turns, const std::string& where) {
  tokenizer::Conversation conversation;
  for (const auto& turn : turns) conversation.messages.push_back(nlohmann::ordered_json(turn));
  const auto ids = judge.conversation_ids(conversation);
  if (ids.empty()) throw base::InputError(where + ": no token in a conversation");
  return {ids.begin(), ids.end()};
}

ReadRecord reward_model_reader(const Run& run) {
  const auto judge =
      rewards::make_judge_tokenizer(run.text().tokenizer->definition(), "auto", run.started());
  const auto& options = run.config().data;
  return [&options, judge](const nlohmann::json& record, const std::string& where,
                           const data::PromptRenderer&) {
    const auto preference = data::read_preference(record, options, where);
    const std::vector<std::vector<data::TokenId>> sequences{
        judged_ids(judge, preference.chosen.turns, where),
        judged_ids(judge, preference.rejected.turns, where)};
    const auto length = std::max(sequences[0].size(), sequences[1].size());
    return SupervisedRecord{data::judged_samples(sequences),
                            {},
                            preference_question(preference, options),
                            static_cast<std::int64_t>(length)};
  };
}

}  // namespace

SftObjective::SftObjective(const Run& run) : run_(run), objective_(run.config().sft.objective) {
  if (objective_ != "dpo") return;
  const auto& config = run.config();
  run.together(
      [&] {
        if (!run.has_role(kPolicy)) return;
        reference_ = load_frozen_model(
            config.reference.used() ? config.reference : config.model, run.dtype(), run.device(),
            static_cast<std::uint64_t>(config.run.seed), run.groups().model_axes(kPolicy),
            run.sharing_copies(kPolicy));
        if (config.trainer.offloads_reference())
          offloaded_ = std::make_unique<models::OffloadedWeights>(*reference_);
      },
      "loading the reference");
}

ReadRecord SftObjective::reader() const {
  const auto& config = run_.config();
  if (objective_ == "dpo") return dpo_reader(config.data);
  if (objective_ == "reward_model") return reward_model_reader(run_);
  return next_token_reader(config.data, data::loss_on_of(config.sft.loss_on));
}

training::PassRewards SftObjective::rewards(Learner& learner,
                                            std::span<const data::TrainingSample> samples) {
  if (has_score()) return training::score_rewards(learner.score());
  const auto& trainer = run_.config().trainer;
  std::optional<models::OffloadedWeights::Use> use;
  if (offloaded_) use.emplace(*offloaded_);
  return training::dpo_rewards(
      run_.config().preference_loss.beta,
      training::answer_logprobs(*reference_, learner.data_parallel(), samples, trainer),
      trainer.logprob_chunk_tokens);
}

training::PassLoss SftObjective::begin_step(Learner& learner,
                                            std::span<const data::TrainingSample> samples) {
  if (!learns_pairs())
    return training::cross_entropy(training::count_targets(samples),
                                   run_.config().trainer.logprob_chunk_tokens);
  if (!learner.active()) return {};
  pairs_.emplace(rewards(learner, samples), run_.config().preference_loss, samples.size());
  return [this](const training::Pass& pass) { return pairs_->loss(pass); };
}

void SftObjective::add_metrics(Learner& learner, metrics::StepMetrics& metrics) const {
  if (!learns_pairs() || !learner.active()) return;
  for (const auto& [name, value] : pairs_->metrics(learner.data_parallel()))
    if (name != "loss") metrics.set(name, value);
}

std::map<std::string, double> SftObjective::measure(Learner& learner,
                                                    std::span<const data::TrainingSample> samples) {
  if (!learns_pairs()) return {{"loss", learner.evaluate(samples)}};
  if (!learner.active()) return {};
  return training::evaluate_pairs(learner.trained(), samples, rewards(learner, samples),
                                  run_.config().preference_loss, run_.config().trainer);
}

}  // namespace r1::mpi
