// The training engine over data-parallel ranks: however masters, moments and gradients are spread
// (ZeRO) and wherever they live, the steps are those of one rank. Ranks are threads.
#include "training/trainer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/files.h"
#include "base/log.h"
#include "checkpoint/box.h"
#include "models/lockstep.h"
#include "models/registry.h"
#include "models/sharded_parameter.h"
#include "models/weight_shards.h"
#include "support/fixtures.h"
#include "support/small_shape.h"
#include "support/temporary_folder.h"
#include "support/thread_ranks.h"

namespace r1::training {
namespace {

constexpr double kRounding = 1e-12;  // fp64
constexpr std::uint64_t kSeed = 3;
constexpr int kSteps = 3;
constexpr std::int64_t kNumSequences = 5;

/// A model, a value head and their trainer, as a rank has them.
struct Rank {
  Rank(const std::string& architecture, at::ScalarType dtype, std::int64_t zero_stage,
       const std::string& offload, parallel::Communicator& ranks, double outlier_factor = 0.0)
      : ranks(ranks), model(models::make_model(test::small_shape(architecture), dtype, at::kCPU)) {
    models::randomize(*model, kSeed);
    value_head = at::full({1, 16}, 0.25, dtype);
    optim::OptimizerOptions optimizer;
    optimizer.learning_rate = 1e-2;
    optimizer.weight_decay = 0.1;
    optimizer.max_grad_norm = 1.0;
    config::TrainerOptions options;
    options.zero_stage = zero_stage;
    options.offload = offload;
    options.bucket_mb = 1e-3;
    options.expert_bias_rate = 1e-3;
    config::RunOptions run;
    run.outlier_factor = outlier_factor;
    trainer = std::make_unique<Trainer>(
        *model, std::vector<ExtraParameter>{{"value_head.weight", value_head}}, optimizer, options,
        run, kSteps, WeightCopies{&ranks, &ranks});
  }

  /// Sequences go round the ranks, so that some have fewer micro-batches than others.
  OptimizerStep step(std::int64_t number) {
    trainer->start();
    double sum = 0.0;
    models::Lockstep lockstep(*model, trainer->idle_backward());
    for (std::int64_t s = ranks.rank(); s < kNumSequences; s += ranks.size()) {
      lockstep.begin_pass();
      const auto input = test::packed_input(
          {{(s + number) % 13, (3 * s + 1) % 13, (s * s + number) % 13}}, {}, model->dtype());
      const auto hidden = model->forward(input).to(at::kDouble);
      const auto loss = hidden.square().mean() * static_cast<double>(s + 1) +
                        at::linear(hidden, value_head.to(at::kDouble)).sum();
      sum += loss.item<double>();
      trainer->backward(loss, s + ranks.size() >= kNumSequences && !lockstep.needed());
    }
    lockstep.finish();
    trainer->end_backward();
    return trainer->finish(ranks.all_reduce_scalar(sum, parallel::ReduceOp::Sum, "loss"));
  }

  parallel::Communicator& ranks;
  std::unique_ptr<models::Model> model;
  at::Tensor value_head;
  std::unique_ptr<Trainer> trainer;
};

struct Layout {
  const char* architecture;
  std::int64_t zero_stage;
  const char* offload;
};

class TrainerOnRanks : public ::testing::TestWithParam<Layout> {};

TEST_P(TrainerOnRanks, StepsEqualThoseOfOneRank) {
  const auto [architecture, zero_stage, offload] = GetParam();
  Rank whole(architecture, at::kDouble, 0, "none", parallel::alone());
  std::vector<double> norms;
  for (int i = 0; i < kSteps; ++i) norms.push_back(whole.step(i).gradient_norm);
  for (const int size : {1, 2, 3, 7})
    test::ThreadRanks::run(size, [&, architecture = architecture, zero_stage = zero_stage,
                                  offload = offload](parallel::Communicator& ranks) {
      Rank part(architecture, at::kDouble, zero_stage, offload, ranks);
      for (std::size_t i = 0; i < norms.size(); ++i)
        EXPECT_NEAR(part.step(static_cast<std::int64_t>(i)).gradient_norm, norms[i],
                    kRounding * norms[i]);
      if (auto* const shards = part.model->weight_shards()) shards->hold_all();
      for (std::size_t i = 0; i < part.model->parameters().size(); ++i) {
        const auto& expected = whole.model->parameters()[i];
        const auto name = expected.slices[0].name + " on " + std::to_string(size) + " ranks";
        EXPECT_LT(test::max_difference(part.model->parameters()[i].value.detach(),
                                       expected.value.detach()),
                  kRounding)
            << name;
        EXPECT_LT(test::max_difference(part.trainer->master(i), expected.value.detach()), kRounding)
            << "master of " << name;
      }
      EXPECT_LT(test::max_difference(part.value_head.detach(), whole.value_head.detach()),
                kRounding);
    });
}

INSTANTIATE_TEST_SUITE_P(
    Layouts, TrainerOnRanks,
    ::testing::Values(Layout{"llama", 0, "none"}, Layout{"llama", 1, "none"},
                      Layout{"llama", 2, "none"}, Layout{"llama", 3, "none"},
                      Layout{"qwen3", 3, "optimizer"}, Layout{"deepseek_v3", 3, "none"},
                      Layout{"llama", 0, "optimizer"}, Layout{"llama", 2, "optimizer"},
                      Layout{"deepseek_v3", 1, "none"}, Layout{"deepseek_v3", 2, "both"}),
    [](const auto& info) {
      return fmt::format("{}_zero{}_offload_{}", info.param.architecture, info.param.zero_stage,
                         info.param.offload);
    });

TEST(Trainer, RoundedWeightsAreTheMastersOnEveryRank) {
  for (const char* offload : {"none", "optimizer"})
    test::ThreadRanks::run(3, [&](parallel::Communicator& ranks) {
      Rank rank("llama", at::kBFloat16, 1, offload, ranks);
      auto first = rank.trainer->master(1).add(1e-4);  // between two numbers of bf16
      rank.trainer->set_master(1, first);
      EXPECT_TRUE(at::equal(rank.trainer->master(1), first));
      rank.step(0);
      for (std::size_t i = 0; i < rank.model->parameters().size(); ++i)
        EXPECT_TRUE(at::equal(rank.model->parameters()[i].value.detach(),
                              rank.trainer->master(i).to(at::kBFloat16)));
    });
}

/// The largest change of any weight by a step whose gradient is `scale` times that of a loss of
/// order 1.
double change_by_step(Rank& rank, double scale) {
  const at::Tensor before = rank.model->parameters()[1].value.detach().clone();
  rank.trainer->start();
  const auto hidden = rank.model->forward(test::packed_input({{1, 2, 3}}, {}, at::kDouble));
  rank.trainer->backward(hidden.square().mean() * scale, true);
  rank.trainer->end_backward();
  rank.trainer->finish(scale, /*has_advantages=*/scale > 1e-2);
  return test::max_difference(rank.model->parameters()[1].value.detach(), before);
}

// With sparse rewards one step in many has an advantage, and its gradient is thousands of times
// that of the others, which have a KL term alone: it is the step to learn from.
TEST(Trainer, TheOneStepInTwentyThatTeachesIsTaken) {
  for (const double factor : {config::RunOptions().outlier_factor, 20.0}) {
    Rank rank("llama", at::kDouble, 0, "none", parallel::alone(), factor);
    for (int step = 0; step < 40; ++step) {
      const bool teaches = step % 20 == 19;
      EXPECT_GT(change_by_step(rank, teaches ? 1.0 : 1e-4), 0.0) << "step " << step;
    }
    EXPECT_EQ(rank.trainer->num_skipped(), 0);
  }
}

TEST(Trainer, ASkippedStepIsOneWarningOfAllRanks) {
  const test::TemporaryFolder folder;
  base::log_open_file(folder.path() + "/log");
  test::ThreadRanks::run(3, [&](parallel::Communicator& ranks) {
    Rank rank("llama", at::kDouble, 1, "none", ranks);
    const at::Tensor before = rank.model->parameters()[1].value.detach().clone();
    rank.trainer->start();
    const auto hidden = rank.model->forward(test::packed_input({{1, 2, 3}}, {}, at::kDouble));
    rank.trainer->backward(hidden.sum() * std::numeric_limits<double>::infinity(), true);
    rank.trainer->end_backward();
    EXPECT_TRUE(rank.trainer->finish(1.0).skipped);
    EXPECT_TRUE(at::equal(rank.model->parameters()[1].value.detach(), before));
    EXPECT_EQ(rank.trainer->num_skipped(), 1);
  });
  const auto log = base::read_file(folder.path() + "/log");
  EXPECT_NE(log.find("optimizer step 0: loss 1, gradient norm"), std::string::npos) << log;
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
}

TEST(Trainer, CheckpointTensorsOfAllRanksTileEachTensor) {
  for (const std::int64_t zero_stage : {0, 1, 2, 3}) {
    std::mutex mutex;
    std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<checkpoint::Box>>> all;
    test::ThreadRanks::run(3, [&](parallel::Communicator& ranks) {
      Rank rank("deepseek_v3", at::kDouble, zero_stage, "none", ranks);
      const auto tensors = rank.trainer->checkpoint_tensors();
      const std::lock_guard lock(mutex);
      for (const auto& tensor : tensors) {
        auto& [shape, boxes] = all[tensor.name];
        shape = tensor.shape;
        for (const auto& local : tensor.boxes)
          if (tensor.replica == 0) boxes.push_back(local.box);
      }
    });
    EXPECT_TRUE(all.contains("optimizer.exp_avg/value_head.weight"));
    for (const auto& [name, tensor] : all)
      EXPECT_EQ(checkpoint::tiling_problem(tensor.first, tensor.second), "") << name;
  }
}

using BoxesByName = std::map<std::string, std::vector<checkpoint::Box>>;

BoxesByName boxes_of(const std::vector<checkpoint::ShardedTensor>& tensors) {
  BoxesByName boxes;
  for (const auto& tensor : tensors)
    for (const auto& local : tensor.boxes) boxes[tensor.name].push_back(local.box);
  return boxes;
}

TEST(Trainer, MastersToExportAreDisjointAndEveryRankKnowsThemAll) {
  for (const char* architecture : {"llama", "deepseek_v3"})
    for (const std::int64_t zero_stage : {0, 1, 2, 3}) {
      constexpr int kRanks = 3;
      std::vector<BoxesByName> held(kRanks);
      std::map<std::string, std::vector<std::int64_t>> shapes;
      const auto outline =
          models::make_model(test::small_shape(architecture), at::kDouble, at::kMeta);
      test::ThreadRanks::run(kRanks, [&](parallel::Communicator& ranks) {
        Rank rank(architecture, at::kDouble, zero_stage, "none", ranks);
        held[static_cast<std::size_t>(ranks.rank())] = boxes_of(rank.trainer->master_tensors());
        ranks.barrier("all have listed their boxes");
        for (int other = 0; other < kRanks; ++other)
          EXPECT_EQ(boxes_of(rank.trainer->master_tensors_of(*outline, other, other)),
                    held[static_cast<std::size_t>(other)])
              << "rank " << other << " for rank " << ranks.rank();
        if (ranks.rank() > 0) return;
        for (const auto& tensor : models::model_tensors(*rank.model))
          shapes[tensor.name] = tensor.shape;
      });
      for (const auto& [name, shape] : shapes) {
        std::vector<checkpoint::Box> boxes;
        for (auto& rank : held)
          if (zero_stage > 0 || boxes.empty())
            boxes.insert(boxes.end(), rank[name].begin(), rank[name].end());
        EXPECT_EQ(checkpoint::tiling_problem(shape, boxes), "") << name;
      }
    }
}

}  // namespace
}  // namespace r1::training
