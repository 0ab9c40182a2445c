// Steps of DPO and of reward models: the same on every layout, with the gradients that finite
// differences give.
#include "training/preference.h"

#include "data/preference.h"
#include "support/thread_ranks.h"
#include "training/supervised_step.h"
#include "unit/training/training_support.h"

namespace r1::training {
namespace {

constexpr std::int64_t kNumPairs = 7;
constexpr std::int64_t kWidth = 16;  // of the toy model

/// Pairs of answers to one prompt.
std::vector<data::TrainingSample> dpo_samples() {
  return toy_samples(2 * kNumPairs);
}

/// Pairs of sequences; some begin alike.
std::vector<data::TrainingSample> reward_samples() {
  std::vector<data::TrainingSample> samples;
  for (std::int32_t pair = 0; pair < kNumPairs; ++pair) {
    const std::vector<std::vector<data::TokenId>> sequences{
        {1, pair % 13, 5, (3 * pair) % 13}, {1, pair % 5, 5, 7, (2 * pair + 1) % 13}};
    for (auto& sample : data::judged_samples(sequences)) samples.push_back(std::move(sample));
  }
  return samples;
}

/// What a rank trains: a policy against a reference, or a model with a score head.
struct PreferenceRank {
  PreferenceRank(parallel::Communicator& replicas, bool dpo, ToyRank::Options options)
      : dpo(dpo),
        score(at::linspace(-0.3, 0.4, kWidth, at::kDouble).unsqueeze(0).clone()),
        reference(toy_model("llama", kModelSeed + 1)) {
    if (!dpo) options.extra = {{"score.weight", score}};
    rank.emplace(replicas, options);
    samples = dpo ? dpo_samples() : reward_samples();
    if (!dpo) loss.center_rewards_coefficient = 0.05;
    if (dpo) loss.label_smoothing = 0.1;
  }
  PassRewards rewards() {
    return dpo ? dpo_rewards(0.5,
                             answer_logprobs(*reference, rank->trained().replicas, samples,
                                             rank->trainer_options),
                             4)
               : score_rewards(score);
  }
  /// The metrics of a step, with gradient_norm among them.
  std::map<std::string, double> step() {
    PreferenceStep pairs(rewards(), loss, samples.size());
    const auto result = supervised_step(
        rank->trained(), samples, [&](const Pass& pass) { return pairs.loss(pass); },
        rank->trainer_options, [] {}, {}, {}, kAnswersPerPair);
    auto metrics = pairs.metrics(rank->trained().replicas);
    EXPECT_NEAR(metrics.at("loss"), result.loss, kRounding);
    metrics["gradient_norm"] = number(result.metrics, "gradient_norm");
    return metrics;
  }
  std::map<std::string, double> evaluate() {
    return evaluate_pairs(rank->trained(), samples, rewards(), loss, rank->trainer_options);
  }

  bool dpo;
  at::Tensor score;
  std::unique_ptr<models::Model> reference;
  algorithms::PreferenceLossOptions loss;
  std::vector<data::TrainingSample> samples;
  std::optional<ToyRank> rank;
};

TEST(Preference, EqualsThatOfOneRankInOneMicroBatch) {
  for (const bool dpo : {true, false}) {
    PreferenceRank whole(parallel::alone(), dpo, {});
    const auto before = whole.evaluate();
    const auto expected = whole.step();
    EXPECT_NEAR(before.at("loss"), expected.at("loss"), kRounding);
    EXPECT_GT(expected.at("gradient_norm"), 1e-3);
    EXPECT_LT(whole.evaluate().at("loss"), before.at("loss"));
    for (const int size : {1, 2, 3})
      for (const std::int64_t tokens : {6, 25, 1000})
        test::ThreadRanks::run(size, [&](parallel::Communicator& replicas) {
          PreferenceRank rank(replicas, dpo,
                              {.micro_batch_tokens = tokens, .share_prefix = size != 2});
          for (const auto& [name, value] : rank.evaluate())
            EXPECT_NEAR(value, before.at(name), kRounding) << name << ", held out";
          for (const auto& [name, value] : rank.step())
            EXPECT_NEAR(value, expected.at(name), kRounding)
                << name << ", dpo " << dpo << ", " << size << " ranks, " << tokens << " tokens";
          EXPECT_LT(rank.rank->distance(whole.rank->model()), 1e-9);
          EXPECT_LT(test::max_difference(rank.score, whole.score), 1e-9);
        });
  }
}

/// The loss of all pairs in one pass of `model`.
at::Tensor whole_loss(const models::Model& model, const PreferenceRank& given,
                      const PassRewards& rewards) {
  std::vector<std::int64_t> all(given.samples.size());
  std::iota(all.begin(), all.end(), 0);
  const Pass pass(model, given.samples, all, true);
  PreferenceStep pairs(rewards, given.loss, given.samples.size());
  return pairs.loss(pass);
}

TEST(Preference, GradientsAreFiniteDifferences) {
  constexpr double kStep = 1e-6, kTolerance = 1e-8;
  for (const bool dpo : {true, false}) {
    PreferenceRank given(parallel::alone(), dpo, {});
    const auto model = toy_model();  // without a trainer, which takes the gradients away
    given.score = given.score.detach().clone().requires_grad_();
    const auto rewards = given.rewards();
    std::vector<at::Tensor> weights;
    for (auto& parameter : model->parameters()) weights.push_back(parameter.value.requires_grad_());
    if (!dpo) weights.push_back(given.score);
    whole_loss(*model, given, rewards).backward();
    double largest = 0.0;
    for (auto& weight : weights) {
      const at::NoGradGuard no_grad;
      const auto gradient = weight.grad().defined() ? weight.grad() : at::zeros_like(weight);
      const auto place = gradient.abs().argmax().item<std::int64_t>();
      const auto entry = weight.view(-1)[place];
      const double value = entry.item<double>();
      const auto at_distance = [&](double distance) {
        entry.fill_(value + distance);
        return whole_loss(*model, given, rewards).item<double>();
      };
      const double difference = (at_distance(kStep) - at_distance(-kStep)) / (2.0 * kStep);
      entry.fill_(value);
      EXPECT_NEAR(gradient.view(-1)[place].item<double>(), difference, kTolerance) << "dpo " << dpo;
      largest = std::max(largest, std::abs(difference));
    }
    EXPECT_GT(largest, 1e-3);
  }
}

TEST(Preference, APolicyLikeItsReferenceHasNoRewards) {
  PreferenceRank given(parallel::alone(), true, {});
  given.reference = toy_model();
  given.loss.label_smoothing = 0.0;
  const auto metrics = given.evaluate();
  EXPECT_NEAR(metrics.at("chosen_reward"), 0.0, kRounding);
  EXPECT_NEAR(metrics.at("loss"), std::log(2.0), kRounding);
}

}  // namespace
}  // namespace r1::training
