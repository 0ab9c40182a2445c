// The context axis: a batch whose tokens several ranks hold together gives the results of one rank,
// and each rank keeps its part of the activations.
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>

#include "support/thread_ranks.h"
#include "training/distillation.h"
#include "training/number_lists.h"
#include "training/scoring.h"
#include "training/supervised_step.h"
#include "unit/training/training_support.h"

namespace r1::training {
namespace {

constexpr double kTolerance = 1e-10;

SupervisedStep learn_from(ToyRank& rank, std::span<const data::TrainingSample> samples) {
  return supervised_step(rank.trained(), samples, cross_entropy(count_targets(samples), 4),
                         rank.trainer_options, [] {});
}

/// One long sequence, and shorter ones some of which share a prompt.
std::vector<data::TrainingSample> mixed_samples() {
  auto samples = toy_samples(7);
  auto& longest = samples.emplace_back();
  longest.prompt_ids = {1, 2};
  for (std::int32_t i = 0; i < 41; ++i) longest.completion_ids.push_back(i * i % 13);
  return samples;
}

class ContextAxis : public ::testing::TestWithParam<const char*> {};

TEST_P(ContextAxis, ASupervisedStepEqualsThatOfOneRank) {
  const auto samples = mixed_samples();
  ToyRank whole(parallel::alone(), {.architecture = GetParam()});
  const auto expected = learn_from(whole, samples);
  for (const int size : {2, 3, 4})
    for (const auto recompute :
         {models::Recompute::Nothing, models::Recompute::FeedForward, models::Recompute::Layer})
      test::ThreadRanks::run(size, [&](parallel::Communicator& context) {
        ToyRank rank(parallel::alone(), {.architecture = GetParam(),
                                         .micro_batch_tokens = size == 3 ? 16 : 1000,
                                         .share_prefix = size != 4,
                                         .context = &context,
                                         .recompute = recompute});
        const auto step = learn_from(rank, samples);
        EXPECT_NEAR(step.loss, expected.loss, kTolerance);
        EXPECT_NEAR(number(step.metrics, "gradient_norm"),
                    number(expected.metrics, "gradient_norm"), kTolerance);
        if (std::string(GetParam()) == "deepseek_v3") {
          EXPECT_EQ(number(step.metrics, "expert_load_max"),
                    number(expected.metrics, "expert_load_max"));
        }
        EXPECT_LT(rank.distance(whole.model()), 1e-9)  // a step divides by a gradient's size
            << GetParam() << ", " << size << " ranks";
      });
}

TEST_P(ContextAxis, FewerTokensThanRanksAreEnough) {
  const std::vector<data::TrainingSample> samples{{.prompt_ids = {1}, .completion_ids = {5}}};
  ToyRank whole(parallel::alone(), {.architecture = GetParam()});
  const auto expected = learn_from(whole, samples);
  test::ThreadRanks::run(4, [&](parallel::Communicator& context) {
    ToyRank rank(parallel::alone(), {.architecture = GetParam(), .context = &context});
    EXPECT_NEAR(learn_from(rank, samples).loss, expected.loss, kTolerance);
    EXPECT_LT(rank.distance(whole.model()), 1e-9);
  });
}

TEST_P(ContextAxis, ScoresEqualThoseOfOneRank) {
  const auto samples = mixed_samples();
  const ValueHead head{at::full({1, 16}, 0.5, at::kDouble), at::full({1}, 2.0, at::kDouble)};
  const ScoringOptions options{0.7, 30, 3, true, 1.0};
  const auto expected = score_samples(*toy_model(GetParam()), samples, options, &head);
  test::ThreadRanks::run(2, [&](parallel::Communicator& context) {
    const auto found =
        score_samples(*toy_model(GetParam(), kModelSeed, context), samples, options, &head);
    const auto expect_near = [](const auto& a, const auto& b) {
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i)
        EXPECT_LT(test::max_difference(to_tensor(a[i]), to_tensor(b[i])), kTolerance);
    };
    expect_near(found.logprobs, expected.logprobs);
    expect_near(found.second_logprobs, expected.second_logprobs);
    expect_near(found.values, expected.values);
  });
}

INSTANTIATE_TEST_SUITE_P(Families, ContextAxis,
                         ::testing::Values("llama", "qwen2", "qwen3", "deepseek_v3"),
                         [](const auto& info) { return std::string(info.param); });

struct Distilled {
  double loss;
  at::Tensor gradient;  // of the first parameter
};

/// Distils a batch; student and teacher have context axes of their own.
Distilled distil(parallel::Communicator& students, parallel::Communicator& teachers,
                 std::int64_t top_k) {
  const auto student = toy_model("llama", kModelSeed, students),
             teacher = toy_model("llama", kModelSeed + 1, teachers);
  auto weight = student->parameters().front().value;
  weight.requires_grad_(true);
  const auto samples = mixed_samples();
  const std::vector<std::int64_t> indices{0, 1, 2, 7};
  const auto output = [&]() -> vocabulary::TeacherOutput {
    const at::NoGradGuard no_grad;
    const Pass pass(*teacher, samples, indices, true);
    if (top_k == 0)
      return vocabulary::TeacherHidden{pass.whole(pass.hidden()), teacher->head().weight};
    const auto found = vocabulary::vocab_top_k(pass.hidden(), teacher->head(), top_k, 13, 1.0, 4);
    return vocabulary::VocabTopK{pass.whole(found.ids), pass.whole(found.logprobs),
                                 pass.whole(found.rest)};
  }();
  algorithms::DistillationLossOptions options;
  options.temperature = 1.0;
  const Pass pass(*student, samples, indices, true);
  const auto loss = distillation_loss(pass, output, options, count_targets(samples), 4);
  loss.backward();
  auto gradient = weight.grad();
  students.all_reduce(gradient, parallel::ReduceOp::Sum, "gradient").wait();
  return {loss.item<double>(), gradient};
}

TEST(ContextAxisDistillation, EqualsThatOfOneRank) {
  for (const std::int64_t top_k : {0, 4}) {
    const auto expected = distil(parallel::alone(), parallel::alone(), top_k);
    for (const bool teacher_too : {false, true})
      test::ThreadRanks::run(2, [&](parallel::Communicator& context) {
        const auto found = distil(context, teacher_too ? context : parallel::alone(), top_k);
        EXPECT_NEAR(found.loss, expected.loss, kTolerance);
        EXPECT_LT(test::max_difference(found.gradient, expected.gradient), kTolerance);
      });
  }
}

/// Counts the bytes that live on the CPU. One object, alive until the process ends, because tensors
/// give their memory back to it.
class CountingAllocator : public c10::Allocator {
 public:
  static CountingAllocator& get() {
    static CountingAllocator counting;
    return counting;
  }
  static std::int64_t live() { return live_bytes; }

  c10::DataPtr allocate(std::size_t size) override {
    auto* const block = new Block{plain_->allocate(size), static_cast<std::int64_t>(size)};
    live_bytes += block->size;
    return {block->memory.get(), block, &free, block->memory.device()};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, std::size_t size) const override {
    default_copy_data(to, from, size);
  }

 private:
  struct Block {
    c10::DataPtr memory;
    std::int64_t size;
  };
  static void free(void* context) {
    auto* const block = static_cast<Block*>(context);
    live_bytes -= block->size;
    delete block;
  }
  static inline std::atomic<std::int64_t> live_bytes{0};
  c10::Allocator* plain_ = c10::GetCPUAllocator();
};

/// Bytes that the graph of a forward pass keeps, over all `size` ranks together.
std::int64_t kept_bytes(const std::string& architecture, int size) {
  std::vector<data::TrainingSample> samples(1);
  for (std::int32_t i = 0; i < 1200; ++i) samples[0].completion_ids.push_back(i % 13);
  samples[0].prompt_ids = {1};
  const std::vector<std::int64_t> indices{0};
  std::atomic<std::int64_t> before = 0, after = 0;
  const auto work = [&](parallel::Communicator& context) {
    const auto model = toy_model(architecture, kModelSeed, context);
    for (auto& parameter : model->parameters())
      if (parameter.trained) parameter.value.requires_grad_(true);
    context.barrier("start");
    if (context.rank() == 0) before = CountingAllocator::live();
    context.barrier("counted");
    const Pass pass(*model, samples, indices, true);
    context.barrier("forward");
    if (context.rank() == 0) after = CountingAllocator::live();
    context.barrier("counted");
  };
  test::ThreadRanks::run(size, work);
  return after - before;
}

TEST(ContextAxisMemory, ARankKeepsItsPartOfTheActivations) {
  c10::SetCPUAllocator(&CountingAllocator::get(), /*priority=*/100);
  for (const std::string architecture : {"llama", "deepseek_v3"}) {
    const auto alone = kept_bytes(architecture, 1);
    ASSERT_GT(alone, std::int64_t{1} << 20);
    for (const int size : {2, 4})
      EXPECT_LE(static_cast<double>(kept_bytes(architecture, size)), 1.1 * alone)
          << architecture << " over " << size << " ranks";
  }
}

}  // namespace
}  // namespace r1::training
