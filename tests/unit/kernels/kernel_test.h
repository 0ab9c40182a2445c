#pragma once
// Compares a door of src/kernels, on the CPU and on a GPU, with the plain form in fp64: values and,
// by autograd, gradients.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "kernels/cuda_library.h"
#include "kernels/rope.h"

namespace r1::test {

using Tensors = std::vector<at::Tensor>;
using Function = std::function<Tensors(const Tensors&)>;

/// Why CUDA kernels cannot run here; empty: they can.
inline const std::string& why_no_gpu() {
  static const std::string reason = [] {
    try {
      kernels::open_device("cuda", 0);
    } catch (const base::ConfigError& error) {
      return std::string(error.what());
    }
    return std::string(kernels::cuda_kernels() == nullptr ? "the CUDA kernels did not load" : "");
  }();
  return reason;
}

/// Opens the GPU before any test: LibTorch takes a process whose first operation ran without the
/// CUDA part for one without GPUs.
class OpensTheGpu : public ::testing::Environment {
  void SetUp() override { why_no_gpu(); }
};
inline ::testing::Environment* const opens_the_gpu =
    ::testing::AddGlobalTestEnvironment(new OpensTheGpu);  // googletest deletes it

/// A row of the tables: where a door computes, and in which dtype.
struct Place {
  bool gpu;
  at::ScalarType dtype;

  at::Device device() const { return gpu ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU); }
  at::TensorOptions options() const { return at::TensorOptions(device()).dtype(dtype); }
};

inline std::vector<Place> all_places() {
  return {{false, at::kDouble}, {false, at::kFloat},   {false, at::kBFloat16},
          {true, at::kFloat},   {true, at::kBFloat16}, {true, at::kDouble}};
}

inline std::string place_name(const ::testing::TestParamInfo<Place>& info) {
  return std::string(info.param.gpu ? "Gpu" : "Cpu") + c10::toString(info.param.dtype);
}

/// Rows that need a GPU are skipped where there is none, with the reason.
class KernelTest : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    if (GetParam().gpu && !why_no_gpu().empty()) GTEST_SKIP() << why_no_gpu();
  }

  at::ScalarType dtype() const { return GetParam().dtype; }
  at::ScalarType wide() const { return dtype() == at::kDouble ? at::kDouble : at::kFloat; }
  at::Tensor here(const at::Tensor& x) const { return x.to(GetParam().device()); }
  at::Tensor random(at::IntArrayRef shape, std::uint64_t seed) const {
    return random(shape, dtype(), seed);
  }
  at::Tensor random_wide(at::IntArrayRef shape, std::uint64_t seed) const {
    return random(shape, wide(), seed);
  }

  /// Cosines and sines at the place of `like`, in the dtype that goes with it.
  static kernels::RopeTable rope_table(const at::Tensor& like, std::int64_t rows,
                                       std::int64_t half) {
    const auto angles = at::arange(rows, at::kDouble).unsqueeze(1) *
                        at::arange(1, half + 1, at::kDouble).reciprocal().unsqueeze(0);
    const auto dtype = like.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const auto cos = angles.cos().to(dtype).to(like.device()),
               sin = angles.sin().to(dtype).to(like.device());
    return {cos, sin, at::stack({-sin, sin}, 1)};
  }

  /// Rounding of single operations, relative to the largest value: fp64; a few ulp of fp32 sums;
  /// about two roundings to bf16.
  double tolerance() const {
    if (dtype() == at::kDouble) return 1e-13;
    return dtype() == at::kFloat ? 5e-6 : 1.6e-2;
  }

  /// Values and gradients of `door` at the place of this row against those of `reference` in fp64.
  void expect_equal(const Function& door, const Function& reference, const Tensors& inputs) const {
    Tensors here, exact;
    for (const auto& input : inputs) {
      here.push_back(input.to(GetParam().device()));
      exact.push_back(input.to(at::kDouble));
    }
    const auto found = values_and_gradients(door, here),
               expected = values_and_gradients(reference, exact);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].sizes(), expected[i].sizes()) << "result " << i;
      if (found[i].numel() == 0) continue;
      EXPECT_LT(difference(found[i], expected[i]), tolerance()) << "result " << i;
    }
    const at::NoGradGuard no_grad;  // the path of generation and scoring
    const auto plain = door(here);
    for (std::size_t i = 0; i < plain.size(); ++i)
      EXPECT_TRUE(at::equal(plain[i], found[i].detach())) << "result " << i << " without gradients";
  }

  /// Largest |a - b| relative to the largest |b|; infinite where a value is not finite.
  static double difference(const at::Tensor& a, const at::Tensor& b) {
    const auto found = a.detach().to(at::kCPU, at::kDouble), wanted = b.detach().to(at::kDouble);
    if (!found.isfinite().all().item<bool>()) return std::numeric_limits<double>::infinity();
    return ((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30)).item<double>();
  }

 private:
  static at::Tensor random(at::IntArrayRef shape, at::ScalarType dtype, std::uint64_t seed) {
    at::manual_seed(seed);
    return at::randn(shape, at::kDouble).to(dtype);
  }

  /// Outputs, then the gradients of all inputs for given output gradients.
  static Tensors values_and_gradients(const Function& function, const Tensors& inputs) {
    Tensors leaves;
    for (const auto& input : inputs) leaves.push_back(input.detach().clone().requires_grad_(true));
    auto results = function(leaves);
    at::manual_seed(7);
    at::Tensor loss = at::zeros({}, at::kDouble);
    for (const auto& result : results) {
      // The same rounded output gradients everywhere.
      const auto weights = at::randn(result.sizes(), at::kDouble).to(at::kBFloat16);
      loss = loss + (result.to(at::kCPU, at::kDouble) * weights.to(at::kDouble)).sum();
    }
    loss.backward();
    for (const auto& leaf : leaves) results.push_back(leaf.grad());
    return results;
  }
};

}  // namespace r1::test
