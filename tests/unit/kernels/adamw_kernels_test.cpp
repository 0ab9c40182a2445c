// AdamW over many slots in one launch and sums of squares on a GPU, against fp64.
#include "kernels/adamw_kernels.h"

#include <cmath>

#include "kernels/sum_of_squares.h"
#include "unit/kernels/kernel_test.h"

namespace r1::kernels {
namespace {

constexpr AdamWFactors kFactors{0.99f, 0.9f, 0.95f, 1e-2f, 1.5f, 1e-8f, 0.5f};
constexpr double kFp32 = 1e-6;

class AdamWKernels : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::why_no_gpu().empty()) GTEST_SKIP() << test::why_no_gpu();
  }
  static at::Tensor random(std::int64_t size) { return at::randn({size}, at::kDouble); }
  static at::Tensor on_gpu(const at::Tensor& x, std::int64_t offset = 0) {
    auto memory = at::empty({x.numel() + offset},
                            at::TensorOptions(at::Device(at::kCUDA, 0)).dtype(at::kFloat));
    return memory.narrow(0, offset, x.numel()).copy_(x);
  }
  static void expect_near(const at::Tensor& found, const at::Tensor& expected) {
    const auto difference = (found.to(at::kCPU, at::kDouble) - expected).abs().max().item<double>();
    EXPECT_LT(difference, kFp32 * expected.abs().max().item<double>());
  }
};

TEST_F(AdamWKernels, ManySlotsEqualFp64) {
  at::manual_seed(1);
  // Sizes around those of threads, accesses and blocks; more slots than one launch takes; pieces
  // that do not begin at a multiple of 16 bytes.
  const std::vector<std::int64_t> sizes{1, 3, 4, 1023, 4096, 4097, 70001};
  std::vector<AdamWTensors> slots;
  std::vector<std::array<at::Tensor, 4>> exact;
  for (int i = 0; i < 130; ++i) {
    const auto size = sizes[static_cast<std::size_t>(i) % sizes.size()],
               offset = std::int64_t{i % 3};
    const std::array<at::Tensor, 4> start{random(size).to(at::kFloat).to(at::kDouble),
                                          random(size).to(at::kFloat).to(at::kDouble),
                                          random(size).to(at::kFloat).to(at::kDouble),
                                          random(size).abs().to(at::kFloat).to(at::kDouble)};
    AdamWTensors slot{
        on_gpu(start[0]), on_gpu(start[1], offset), on_gpu(start[2]), on_gpu(start[3]), {}};
    if (i % 2 == 0)
      slot.model = at::full({size}, std::nan(""), slot.master.options().dtype(at::kBFloat16));
    ASSERT_TRUE(has_adamw_kernel(slot));
    slots.push_back(slot);
    const auto g = start[1] * double{kFactors.grad_scale};
    const auto m = start[2] * double{kFactors.beta1} + g * (1.0 - double{kFactors.beta1});
    const auto v = start[3] * double{kFactors.beta2} + g * g * (1.0 - double{kFactors.beta2});
    const auto weight = start[0] * double{kFactors.decay} -
                        m * double{kFactors.step_size} /
                            (v.sqrt() * double{kFactors.root_scale} + double{kFactors.epsilon});
    exact.push_back({weight, start[1], m, v});
  }

  adamw_on_gpu(slots, kFactors);

  for (std::size_t i = 0; i < slots.size(); ++i) {
    SCOPED_TRACE(i);
    expect_near(slots[i].master, exact[i][0]);
    expect_near(slots[i].grad, exact[i][1]);
    expect_near(slots[i].exp_avg, exact[i][2]);
    expect_near(slots[i].exp_avg_sq, exact[i][3]);
    if (!slots[i].model.defined()) continue;
    EXPECT_TRUE(at::equal(slots[i].model, slots[i].master.to(at::kBFloat16)));
  }
}

TEST_F(AdamWKernels, SumsOfSquaresEqualFp64) {
  at::manual_seed(2);
  for (const std::int64_t size : {0, 1, 3, 4, 8191, 100003, 20000000})
    for (const std::int64_t offset : {0, 1}) {
      const auto values = random(size).to(at::kFloat);
      const auto tensor = on_gpu(values, offset);
      const auto found = sum_of_squares(tensor);

      ASSERT_EQ(found.scalar_type(), at::kDouble);
      const auto expected = values.to(at::kDouble).square().sum().item<double>();
      EXPECT_NEAR(found.item<double>(), expected, 1e-7 * expected) << size;
      EXPECT_EQ(found.item<double>(), sum_of_squares(tensor).item<double>());
    }
}

}  // namespace
}  // namespace r1::kernels
