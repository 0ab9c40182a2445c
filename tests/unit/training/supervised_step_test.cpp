// A supervised step is a function of its samples: not of ranks, micro-batches or packing.
#include "training/supervised_step.h"

#include "support/thread_ranks.h"
#include "training/distillation.h"
#include "training/score_function_gradient.h"
#include "unit/training/training_support.h"

namespace r1::training {
namespace {

constexpr std::int64_t kNumSamples = 7;
const Progress kNoProgress = [] {};

SupervisedStep learn(ToyRank& rank, const std::function<double()>& more = {}) {
  const auto samples = toy_samples(kNumSamples);
  return supervised_step(rank.trained(), samples, cross_entropy(count_targets(samples), 4),
                         rank.trainer_options, kNoProgress, more);
}

TEST(SupervisedStep, LossIsTheMeanCrossEntropyBeforeIt) {
  ToyRank rank(parallel::alone());
  const auto samples = toy_samples(kNumSamples);
  const double before = mean_cross_entropy(rank.trained(), samples, rank.trainer_options);
  const auto step = learn(rank);
  EXPECT_NEAR(step.loss, before, kRounding);
  EXPECT_EQ(number(step.metrics, "loss"), step.loss);
  EXPECT_LT(mean_cross_entropy(rank.trained(), samples, rank.trainer_options), before);
}

TEST(SupervisedStep, EqualsThatOfOneRankInOneMicroBatch) {
  for (const std::string architecture : {"llama", "deepseek_v3"}) {
    ToyRank whole(parallel::alone(), {.architecture = architecture});
    const auto expected = learn(whole);
    for (const int size : {1, 2, 3})
      for (const std::int64_t tokens : {6, 1000})
        test::ThreadRanks::run(size, [&](parallel::Communicator& replicas) {
          ToyRank rank(replicas, {.architecture = architecture,
                                  .micro_batch_tokens = tokens,
                                  .share_prefix = size != 2});
          const auto step = learn(rank);
          EXPECT_NEAR(step.loss, expected.loss, kRounding);
          EXPECT_NEAR(number(step.metrics, "gradient_norm"),
                      number(expected.metrics, "gradient_norm"), kRounding);
          EXPECT_LT(rank.distance(whole.model()), 1e-9)  // a step divides by a gradient's size
              << architecture << ", " << size << " ranks, micro-batches of " << tokens;
        });
  }
}

TEST(SupervisedStep, ACutOnOneReplicaDropsTheStepOnAll) {
  const auto samples = toy_samples(kNumSamples);
  for (const int zero_stage : {0, 2, 3})
    test::ThreadRanks::run(3, [&](parallel::Communicator& replicas) {
      ToyRank rank(replicas, {.micro_batch_tokens = 6, .zero_stage = zero_stage});
      int asked = 0, passes = 0;
      const auto loss = cross_entropy(count_targets(samples), 4);
      const auto step = supervised_step(
          rank.trained(), samples,
          [&](const Pass& pass) {
            ++passes;
            return loss(pass);
          },
          rank.trainer_options, kNoProgress, {},
          [&] { return replicas.rank() == 0 && asked++ == 1; });
      EXPECT_TRUE(step.metrics.values().empty());
      EXPECT_EQ(rank.distance_from_start(), 0.0);
      EXPECT_EQ(passes == 1, replicas.rank() == 0);
    });
}

TEST(SupervisedStep, ACutWhileTheLastLossIsComputedDropsTheStep) {
  ToyRank rank(parallel::alone(), {});
  const auto samples = toy_samples(kNumSamples);
  const auto loss = cross_entropy(count_targets(samples), 4);
  bool is_cut_short = false;
  const auto step = supervised_step(
      rank.trained(), samples,
      [&](const Pass& pass) {
        is_cut_short = true;
        return loss(pass);
      },
      rank.trainer_options, kNoProgress, {}, [&] { return is_cut_short; });
  EXPECT_TRUE(step.metrics.values().empty());
  EXPECT_EQ(rank.distance_from_start(), 0.0);
}

TEST(SupervisedStep, ReplicasShareOutTheSamples) {
  const auto samples = toy_samples(kNumSamples);
  std::vector<int> times(kNumSamples, 0);
  for (const int replica : {0, 1, 2})
    for (const auto& list : replica_micro_batches(samples, replica, 3, {}))
      for (const auto index : list) ++times[static_cast<std::size_t>(index)];
  EXPECT_EQ(times, std::vector<int>(kNumSamples, 1));
}

/// The gradient of `weight` x the mean cost of some answers, on top of the supervised step's.
double weights_with_costs(parallel::Communicator& replicas, double weight, ToyRank& rank) {
  const auto answers = toy_samples(4);
  CostedAnswers mine{{}, {}, 4.0};
  std::vector<double> costs;
  for (auto i = static_cast<std::size_t>(replicas.rank()); i < answers.size();
       i += static_cast<std::size_t>(replicas.size())) {
    mine.samples.push_back(answers[i]);
    costs.push_back(static_cast<double>(i) - 1.5);
  }
  mine.costs = at::tensor(costs, at::kDouble);
  const auto step = learn(rank, [&] {
    add_score_function_gradient(rank.trained(), mine, weight, rank.trainer_options, kNoProgress);
    return 0.0;
  });
  return number(step.metrics, "gradient_norm");
}

TEST(ScoreFunctionGradient, IsAPartOfTheStepOnEveryLayout) {
  ToyRank whole(parallel::alone()), plain(parallel::alone());
  const double norm = weights_with_costs(parallel::alone(), 0.5, whole);
  EXPECT_GT(std::abs(norm - number(learn(plain).metrics, "gradient_norm")), 1e-3);
  for (const int size : {2, 3, 5})  // of five, one has no answer
    test::ThreadRanks::run(size, [&](parallel::Communicator& replicas) {
      ToyRank rank(replicas, {.micro_batch_tokens = 8});
      EXPECT_NEAR(weights_with_costs(replicas, 0.5, rank), norm, kRounding);
    });
}

/// The distillation loss of the toy model against a teacher.
double distance_to(const models::Model& teacher, const std::string& divergence,
                   std::int64_t top_k) {
  const at::NoGradGuard no_grad;
  const auto student = toy_model();
  const auto samples = toy_samples(3);
  const std::vector<std::int64_t> indices{0, 1, 2};
  const Pass pass(*student, samples, indices, true), taught(teacher, samples, indices, true);
  algorithms::DistillationLossOptions options;
  options.divergence = divergence;
  options.soft_weight = 1.0;
  options.hard_weight = 0.0;
  options.top_k = top_k;
  const auto denominators = count_targets(samples);
  if (top_k > 0)
    return distillation_loss(pass,
                             vocabulary::vocab_top_k(taught.hidden(), teacher.head(), top_k, 13,
                                                     options.temperature, 4),
                             options, denominators, 4)
        .item<double>();
  return distillation_loss(pass, vocabulary::TeacherHidden{taught.hidden(), teacher.head().weight},
                           options, denominators, 4)
      .item<double>();
}

TEST(Distillation, ATeacherLikeTheStudentTeachesNothing) {
  const auto same = toy_model(), other = toy_model("llama", kModelSeed + 1);
  for (const std::string divergence : {"forward", "reverse"}) {
    EXPECT_NEAR(distance_to(*same, divergence, 0), 0.0, kRounding);
    EXPECT_GT(distance_to(*other, divergence, 0), 1e-6);
  }
  EXPECT_NEAR(distance_to(*same, "forward", 4), 0.0, kRounding);
}

TEST(Distillation, AllIdsAreTheWholeDistribution) {
  const auto other = toy_model("llama", kModelSeed + 1);
  const double exact = distance_to(*other, "forward", 0);
  EXPECT_NEAR(distance_to(*other, "forward", 13), exact, 1e-9 * exact);
  EXPECT_LT(distance_to(*other, "forward", 2), exact);
}

}  // namespace
}  // namespace r1::training
