// AdamW: fixture with clipping, the fused CPU pass against fp64, bf16 weights, threads.
#include "optim/adamw.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "kernels/sum_of_squares.h"
#include "optim/clip.h"
#include "support/loss_fixture.h"

namespace r1::optim {
namespace {

using test::expect_close;
// Five steps in fp32 against fp64: a weight of size one moves by a few lr.
constexpr double kFp32Weight = 1e-6;

TEST(AdamW, MatchesFixtureWithClipping) {
  const auto fixture = test::load_loss_fixture("adamw");
  const auto& input = fixture["inputs"]["main"];
  for (const auto& item : fixture["cases"]) {
    const auto& params = item["params"];
    OptimizerOptions options;
    options.beta1 = params["beta1"];
    options.beta2 = params["beta2"];
    options.epsilon = params["eps"];
    options.weight_decay = params["weight_decay_w"];
    AdamW optimizer(options);
    const at::Tensor w = test::to_tensor(input["w"]), norm = test::to_tensor(input["norm_weight"]);
    optimizer.add(w, decays(w));
    optimizer.add(norm, decays(norm));
    for (std::size_t t = 0; t < input["grads"].size(); ++t) {
      const auto& given = input["grads"][t];
      const std::vector<at::Tensor> grads{test::to_tensor(given["w"]),
                                          test::to_tensor(given["norm_weight"])};
      const double total = std::sqrt(
          (kernels::sum_of_squares(grads[0]) + kernels::sum_of_squares(grads[1])).item<double>());
      optimizer.step(grads, params["lr"][t], clip_scale(total, params["max_grad_norm"]));
      const auto& expected = item["expected"]["after_step"][t];
      const std::string name = item["name"].get<std::string>() + fmt::format(", step {}", t);
      expect_close(w, expected["w"], name);
      expect_close(norm, expected["norm_weight"], name);
      EXPECT_NEAR(total, expected["grad_norm"].get<double>(), 1e-10 * total);
      expect_close(optimizer.slots()[0].exp_avg, expected["w_m"], name);
      expect_close(optimizer.slots()[0].exp_avg_sq, expected["w_v"], name);
      expect_close(optimizer.slots()[1].exp_avg, expected["norm_weight_m"], name);
      expect_close(optimizer.slots()[1].exp_avg_sq, expected["norm_weight_v"], name);
    }
  }
}

/// Five steps on `size` weights, fused or not by dtype; returns master, m, v, model.
AdamWSlot run(std::int64_t size, at::ScalarType model_dtype, at::ScalarType grad_dtype) {
  at::manual_seed(11);
  const at::Tensor start = at::randn({size}, at::kDouble).to(at::kBFloat16);
  OptimizerOptions options;
  options.weight_decay = 0.1;
  AdamW optimizer(options);
  optimizer.add(start.to(model_dtype), true);
  for (int t = 0; t < 5; ++t) {
    const at::Tensor grad = at::randn({size}, at::kDouble).to(at::kBFloat16).to(grad_dtype);
    optimizer.step({grad}, 1e-2, 0.5);
  }
  return optimizer.slots()[0];
}

/// Three steps on weights of `dtype` with state in `place`.
AdamWSlot run_in(StatePlace place, at::ScalarType dtype) {
  constexpr std::int64_t kSize = 5'000'001;  // more than travels to the host at a time
  at::manual_seed(5);
  OptimizerOptions options;
  options.weight_decay = 0.1;
  AdamW optimizer(options);
  optimizer.add(at::randn({kSize}).to(dtype), true, place);
  for (int t = 0; t < 3; ++t) optimizer.step({at::randn({kSize})}, 1e-2, 0.5);
  return optimizer.slots()[0];
}

TEST(AdamW, StateOnTheHostGivesTheSameWeights) {
  for (const auto dtype : {at::kBFloat16, at::kFloat, at::kDouble}) {
    const auto near = run_in(StatePlace::WithModel, dtype), far = run_in(StatePlace::Host, dtype);
    ASSERT_TRUE(far.model.defined());
    EXPECT_NE(far.master.data_ptr(), far.model.data_ptr());
    EXPECT_TRUE(at::equal(far.master, near.master)) << dtype;
    EXPECT_TRUE(at::equal(far.exp_avg, near.exp_avg)) << dtype;
    EXPECT_TRUE(at::equal(far.exp_avg_sq, near.exp_avg_sq)) << dtype;
    EXPECT_TRUE(at::equal(far.model, near.model.defined() ? near.model : near.master)) << dtype;
  }
}

TEST(AdamW, FusedPassEqualsFp64) {
  constexpr std::int64_t kSize = 70001;  // not a multiple of any vector or block
  const AdamWSlot exact = run(kSize, at::kDouble, at::kDouble);
  for (const auto grad_dtype : {at::kFloat, at::kBFloat16}) {
    const AdamWSlot found = run(kSize, at::kBFloat16, grad_dtype);
    expect_close(found.master, exact.master, "master", kFp32Weight, kFp32Weight);
    expect_close(found.exp_avg, exact.exp_avg, "exp_avg", kFp32Weight, kFp32Weight);
    expect_close(found.exp_avg_sq, exact.exp_avg_sq, "exp_avg_sq", kFp32Weight, kFp32Weight);
    EXPECT_TRUE(at::equal(found.model, found.master.to(at::kBFloat16)));
  }
}

TEST(AdamW, UpdatedTogetherEqualsOneByOne) {
  const AdamWStep step{1e-2, 0.9, 0.95, 1e-8, 0.1, 3, 0.5};
  const auto slots = [] {
    at::manual_seed(2);
    AdamW optimizer(OptimizerOptions{});
    for (const std::int64_t rows : {1, 7, 300}) {
      optimizer.add(at::randn({rows, 5}).to(at::kBFloat16), true);
      optimizer.add(at::randn({rows}), true);  // its own master
    }
    for (AdamWSlot& slot : optimizer.slots()) {
      slot.exp_avg.normal_();
      slot.exp_avg_sq.uniform_();
    }
    return optimizer;
  };
  AdamW together = slots(), apart = slots();
  std::vector<AdamWSlot*> all;
  std::vector<at::Tensor> grads;
  for (std::size_t i = 0; i < together.slots().size(); ++i) {
    all.push_back(&together.slots()[i]);
    grads.push_back(at::randn({all.back()->master.numel()}));
    AdamWSlot& one = apart.slots()[i];
    adamw_update(one.master, grads.back(), one.exp_avg, one.exp_avg_sq, one.model, step);
  }
  adamw_update_together(all, grads, step);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const AdamWSlot& one = apart.slots()[i];
    const std::string name = fmt::format("slot {}", i);
    expect_close(all[i]->master, one.master, name, kFp32Weight, kFp32Weight);
    expect_close(all[i]->exp_avg, one.exp_avg, name, kFp32Weight, kFp32Weight);
    expect_close(all[i]->exp_avg_sq, one.exp_avg_sq, name, kFp32Weight, kFp32Weight);
    if (one.model.defined()) {
      EXPECT_TRUE(at::equal(all[i]->model, all[i]->master.to(at::kBFloat16)));
    }
  }
}

TEST(AdamW, ThreadsDoNotChangeABit) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const AdamWSlot one = run(200003, at::kBFloat16, at::kFloat);
  at::set_num_threads(2);
  const AdamWSlot two = run(200003, at::kBFloat16, at::kFloat);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one.master, two.master));
  EXPECT_TRUE(at::equal(one.exp_avg_sq, two.exp_avg_sq));
}

TEST(AdamW, WeightSmallerThanBf16StepStillMovesTheMaster) {
  AdamW optimizer(OptimizerOptions{});
  const at::Tensor weight = at::ones({4}, at::kBFloat16);
  optimizer.add(weight, false);
  for (int t = 0; t < 3; ++t) optimizer.step({at::ones({4}, at::kBFloat16)}, 1e-6, 1.0);
  EXPECT_NEAR(optimizer.slots()[0].master[0].item<double>(), 1.0 - 3e-6, 2e-7);
  EXPECT_EQ(weight[0].item<double>(), 1.0);
}

TEST(AdamW, MissingGradientCountsAsZeros) {
  AdamW optimizer(OptimizerOptions{});
  const at::Tensor weight = at::ones({3}, at::kFloat);
  optimizer.add(weight, false);
  optimizer.step({at::Tensor()}, 1e-2, 1.0);
  EXPECT_TRUE(at::equal(weight, at::ones({3}, at::kFloat)));
}

}  // namespace
}  // namespace r1::optim
