// Weights that ranks share out (ZeRO 3): what a rank holds and what it receives in a step, counted.
#include "models/weight_shards.h"

#include <gtest/gtest.h>

#include "models/lockstep.h"
#include "mpi/roles/roles_setup.h"
#include "mpi/traffic.h"
#include "support/counted_memory.h"
#include "support/fixtures.h"
#include "training/trainer.h"

namespace r1::mpi {
namespace {

constexpr double kStateBar = 1.1;         // of 16 bytes for each parameter, over the ranks
constexpr double kBytesOfState = 16.0;    // fp32: weight, gradient and moments
constexpr double kBytesOfGathered = 8.0;  // weight and gradient
constexpr std::int64_t kLayers = 16;

/// Layers that are small beside the whole, and large beside a token's activations.
models::ModelShape deep_shape(const std::string& architecture) {
  auto shape = test::small_shape(architecture);
  shape.hidden_size = 64;
  shape.intermediate_size = 256;
  shape.num_hidden_layers = kLayers;
  shape.tie_word_embeddings = false;
  shape.experts.moe_intermediate_size = 32;
  return shape;
}

/// A rank's part of a model whose weights are shared out over all ranks, and its trainer.
class SharedOutModel {
 public:
  SharedOutModel(RoleGroups& groups, const std::string& architecture) : groups_(groups) {
    const models::ModelsWithoutMemory without_memory;
    model_ = models::make_model(deep_shape(architecture), at::kFloat, at::kCPU,
                                groups.model_axes(kPolicy));
    config::TrainerOptions options;
    options.zero_stage = 3;
    options.activation_checkpointing = "full";
    trainer_ = std::make_unique<training::Trainer>(
        *model_, std::vector<training::ExtraParameter>{}, optim::OptimizerOptions(), options,
        config::RunOptions(), 1, groups.weight_copies(kPolicy));
    for (std::size_t i = 0; i < model_->parameters().size(); ++i) {
      auto parameter = model_->parameters()[i];
      parameter.value = at::empty(parameter.value.sizes(), at::kFloat);
      models::randomize(parameter, /*seed=*/3);
      trainer_->set_master(i, parameter.value);
    }
  }

  void step() {
    trainer_->start();
    models::Lockstep lockstep(*model_, trainer_->idle_backward());
    lockstep.begin_pass();
    const auto input = test::packed_input({{1, 5}}, {}, at::kFloat);
    const auto hidden = model_->forward(input);
    trainer_->backward(at::linear(hidden, model_->head().weight).square().mean(),
                       !lockstep.needed());
    lockstep.finish();
    trainer_->end_backward();
    trainer_->finish(1.0);
  }

  models::Model& model() { return *model_; }
  models::WeightShards& shards() { return *model_->weight_shards(); }

 private:
  RoleGroups& groups_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<training::Trainer> trainer_;
};

/// Elements of the parameters of a unit.
double size_of(const models::Model& model, std::int64_t unit) {
  double size = 0.0;
  for (const auto& parameter : model.parameters())
    if (parameter.unit == unit) size += static_cast<double>(parameter.value.numel());
  return size;
}

class SharedOutWeights : public ::testing::TestWithParam<const char*> {
 protected:
  MpiCommunicator world_ = test::make_world();
  RoleGroups groups_{world_,
                     test::TwoRoles{"", {world_.size()}, {0}}.layout("reward", world_.size())};
};

TEST_P(SharedOutWeights, ARankHoldsItsPartOfTheStateAndTwoLayers) {
  if (world_.size() == 1) GTEST_SKIP() << "needs several ranks";
  double bytes = 0.0, bound = 0.0;
  {
    const test::CountedMemory counted;
    SharedOutModel trained(groups_, GetParam());
    trained.step();
    trained.step();
    bytes = static_cast<double>(counted.peak());
    double all = 0.0, layer = 0.0, parameter = 0.0;
    for (std::int64_t unit = 0; unit <= kLayers + 1; ++unit) {
      all += size_of(trained.model(), unit);
      layer = std::max(layer, size_of(trained.model(), unit));
    }
    for (const auto& one : trained.model().parameters())
      parameter = std::max(parameter, static_cast<double>(one.value.nbytes()));
    // Autograd makes the gradient of a parameter before the bucket takes it over.
    bound = kStateBar * kBytesOfState * all / world_.size() + 2.0 * kBytesOfGathered * layer +
            parameter;
    EXPECT_LT(bound, 0.75 * kBytesOfState * all) << "the bar says nothing";
  }
  EXPECT_LE(bytes, bound) << GetParam() << " on " << world_.size() << " ranks";
}

TEST_P(SharedOutWeights, EveryLayerIsGatheredOnceInEachDirection) {
  if (world_.size() == 1) GTEST_SKIP() << "needs several ranks";
  SharedOutModel trained(groups_, GetParam());
  trained.step();
  const auto before = trained.shards().bytes_received();
  const auto traffic_before = TrafficCounter::instance().total();
  trained.step();
  const auto received = static_cast<double>(trained.shards().bytes_received() - before);
  const auto traffic = TrafficCounter::instance().total() - traffic_before;
  double gathered = 0.0, all = 0.0;
  for (std::int64_t unit = 0; unit <= kLayers + 1; ++unit) {
    // The last layer stays from forward to backward; backward does not read the embedding.
    const bool twice = unit > 0 && unit < kLayers;
    gathered += (twice ? 2.0 : 1.0) * size_of(trained.model(), unit);
    all += size_of(trained.model(), unit);
  }
  const double others = 1.0 - 1.0 / world_.size(), value = 4.0;
  EXPECT_GE(received, gathered * value * others);
  EXPECT_LE(received, 1.05 * gathered * value * others) << "beginnings are aligned";
  // A collective counts its whole side and its part.
  const double counted = (gathered + all) * value * (1.0 + 1.0 / world_.size());
  EXPECT_GE(static_cast<double>(traffic.bytes), counted);
  EXPECT_LE(static_cast<double>(traffic.bytes), 1.1 * counted);
}

INSTANTIATE_TEST_SUITE_P(Families, SharedOutWeights, ::testing::Values("llama", "deepseek_v3"));

}  // namespace
}  // namespace r1::mpi
