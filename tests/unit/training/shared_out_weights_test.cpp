// Weights that ranks share out (ZeRO 3): steps and scores are those of one rank, and a layer's
// weights are there only while it computes.
#include "models/weight_shards.h"

#include "support/thread_ranks.h"
#include "training/scoring.h"
#include "training/supervised_step.h"
#include "unit/training/training_support.h"

namespace r1::training {
namespace {

constexpr double kSharedOutTolerance = 1e-10;
constexpr int kStepsTaken = 2;

SupervisedStep take_step(ToyRank& rank, std::span<const data::TrainingSample> samples) {
  return supervised_step(rank.trained(), samples, cross_entropy(count_targets(samples), 4),
                         rank.trainer_options, [] {});
}

class SharedOut : public ::testing::TestWithParam<const char*> {};

TEST_P(SharedOut, StepsEqualThoseOfOneRank) {
  const auto samples = toy_samples(7);
  ToyRank whole(parallel::alone(), {.architecture = GetParam()});
  std::vector<double> norms;
  for (int i = 0; i < kStepsTaken; ++i)
    norms.push_back(number(take_step(whole, samples).metrics, "gradient_norm"));
  for (const int size : {2, 3})
    for (const auto recompute :
         {models::Recompute::Nothing, models::Recompute::FeedForward, models::Recompute::Layer})
      for (const bool by_tokens : {false, true})
        test::ThreadRanks::run(size, [&](parallel::Communicator& ranks) {
          ToyRank rank(by_tokens ? parallel::alone() : ranks,
                       {.architecture = GetParam(),
                        .micro_batch_tokens = 12,
                        .zero_stage = 3,
                        .context = by_tokens ? &ranks : nullptr,
                        .recompute = recompute});
          for (const double norm : norms)
            EXPECT_NEAR(number(take_step(rank, samples).metrics, "gradient_norm"), norm,
                        kSharedOutTolerance);
          EXPECT_LT(rank.distance(whole.model()), 1e-9)  // a step divides by a gradient's size
              << GetParam() << ", " << size << " ranks";
        });
}

TEST_P(SharedOut, ScoresEqualThoseOfOneRank) {
  const auto samples = toy_samples(5);
  const ScoringOptions options{0.7, 12, 3, true, 1.0};
  const auto expected = score_samples(*toy_model(GetParam()), samples, options);
  test::ThreadRanks::run(3, [&](parallel::Communicator& ranks) {
    const auto model = toy_model(GetParam());
    model->share_out_weights({&ranks, &ranks});
    std::vector<data::TrainingSample> mine;  // of the last rank: none
    for (std::size_t i = static_cast<std::size_t>(ranks.rank()); i < samples.size(); i += 2)
      if (ranks.rank() < 2) mine.push_back(samples[i]);
    const auto found = score_samples(*model, mine, options);
    for (std::size_t i = 0; i < mine.size(); ++i)
      for (std::size_t t = 0; t < found.logprobs[i].size(); ++t) {
        const auto sample = static_cast<std::size_t>(ranks.rank()) + 2 * i;
        EXPECT_NEAR(found.logprobs[i][t], expected.logprobs[sample][t], kSharedOutTolerance);
        EXPECT_NEAR(found.second_logprobs[i][t], expected.second_logprobs[sample][t],
                    kSharedOutTolerance);
      }
  });
}

INSTANTIATE_TEST_SUITE_P(Families, SharedOut,
                         ::testing::Values("llama", "qwen2", "qwen3", "deepseek_v3"),
                         [](const auto& info) { return std::string(info.param); });

bool has_weights(const models::Parameter& parameter) {
  return parameter.value.const_data_ptr() != nullptr;
}

std::vector<std::int64_t> units_there(const models::Model& model) {
  std::vector<std::int64_t> units;
  for (const auto& parameter : model.parameters())
    if (has_weights(parameter) && parameter.unit != parallel::kNoUnit &&
        (units.empty() || units.back() != parameter.unit))
      units.push_back(parameter.unit);
  return units;
}

TEST(WeightShards, AreThereWhileTheyAreNeeded) {
  using Units = std::vector<std::int64_t>;
  test::ThreadRanks::run(2, [&](parallel::Communicator& ranks) {
    const auto model = toy_model("qwen2");
    model->share_out_weights({&ranks, &ranks});
    auto& shards = *model->weight_shards();
    EXPECT_EQ(units_there(*model), Units());
    shards.need(1, {2});  // the next one travels, but has not arrived
    EXPECT_EQ(units_there(*model), Units({1}));
    shards.need(2);
    shards.release(1);
    EXPECT_EQ(units_there(*model), Units({2}));
    {
      const models::AllWeights all(*model);
      EXPECT_EQ(units_there(*model), Units({0, 1, 2, 3}));
      shards.release(1);
      EXPECT_EQ(units_there(*model), Units({0, 1, 2, 3})) << "held by the scope";
    }
    EXPECT_EQ(units_there(*model), Units());
  });
}

TEST(WeightShards, OfModelsWithoutMemoryAreSetOneByOne) {
  const auto expected = toy_model("deepseek_v3");
  test::ThreadRanks::run(3, [&](parallel::Communicator& ranks) {
    std::unique_ptr<models::Model> model;
    {
      const models::ModelsWithoutMemory without_memory;
      model = models::make_model(test::small_shape("deepseek_v3"), at::kDouble, at::kCPU);
    }
    EXPECT_FALSE(has_weights(model->parameters().front()));
    model->share_out_weights({&ranks, &parallel::alone()});  // the experts differ by rank: whole
    for (std::size_t i = 0; i < model->parameters().size(); ++i)
      model->weight_shards()->set(i, expected->parameters()[i].value);
    const models::AllWeights all(*model);
    for (std::size_t i = 0; i < model->parameters().size(); ++i)
      EXPECT_TRUE(at::equal(model->parameters()[i].value, expected->parameters()[i].value))
          << model->parameters()[i].slices[0].name;
  });
}

}  // namespace
}  // namespace r1::training
