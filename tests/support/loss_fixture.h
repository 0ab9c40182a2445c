#pragma once
// Reads tests/data/losses/*.json (float64 inputs, expected values and gradients) and compares with
// them.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1::test {

// Two float64 codes of one formula agree to this, relative to the value ...
inline constexpr double kFixtureRelative = 1e-10;
// ... or to rounding of terms of size one, where the value itself is a difference of such terms.
inline constexpr double kFixtureAbsolute = 1e-14;

inline nlohmann::json load_loss_fixture(const std::string& name) {
  std::ifstream file(std::string(R1_SOURCE_DIR) + "/tests/data/losses/" + name + ".json");
  EXPECT_TRUE(file.good()) << name;
  return nlohmann::json::parse(file);
}

inline void flatten(const nlohmann::json& value, std::vector<double>& out) {
  if (value.is_array())
    for (const auto& item : value) flatten(item, out);
  else
    out.push_back(value.get<double>());
}

/// A nested list as a float64 tensor of its shape.
inline at::Tensor to_tensor(const nlohmann::json& value) {
  std::vector<double> numbers;
  flatten(value, numbers);
  std::vector<std::int64_t> shape;
  for (const nlohmann::json* level = &value; level->is_array(); level = &level->front())
    shape.push_back(static_cast<std::int64_t>(level->size()));
  return at::tensor(numbers, at::kDouble).reshape(shape);
}

inline at::Tensor to_indices(const nlohmann::json& value) {
  return to_tensor(value).to(at::kLong);
}

inline void expect_close(const at::Tensor& found, const at::Tensor& expected,
                         const std::string& what, double relative = kFixtureRelative,
                         double absolute = kFixtureAbsolute) {
  ASSERT_EQ(found.sizes(), expected.sizes()) << what;
  const at::Tensor a = found.detach().to(at::kCPU, at::kDouble);
  const at::Tensor b = expected.detach().to(at::kCPU, at::kDouble);
  const at::Tensor excess = (a - b).abs() - (b.abs() * relative + absolute);
  const double worst = excess.numel() ? excess.max().item<double>() : 0.0;
  EXPECT_TRUE(worst <= 0.0) << what << ": " << worst << " over the tolerance\nfound " << a
                            << "\nexpected " << b;
}

inline void expect_close(const at::Tensor& found, const nlohmann::json& expected,
                         const std::string& what) {
  expect_close(found, to_tensor(expected), what);
}

/// Masked [B, L] fixtures in our ragged layout: the kept entries, flat, and the sequence of each.
struct Ragged {
  explicit Ragged(const nlohmann::json& mask_json)
      : mask(to_tensor(mask_json)),
        kept(mask.gt(0.5)),
        sequence_ids(at::arange(mask.size(0), at::kLong)
                         .unsqueeze(1)
                         .expand(mask.sizes())
                         .masked_select(kept)),
        lengths(kept.sum(1)) {}
  /// [B, L] -> [T].
  at::Tensor pick(const at::Tensor& padded) const { return padded.masked_select(kept); }
  at::Tensor pick(const nlohmann::json& padded) const { return pick(to_tensor(padded)); }
  /// [B] -> [T], the value of each token's sequence.
  at::Tensor spread(const at::Tensor& per_sequence) const {
    return per_sequence.index_select(0, sequence_ids);
  }
  at::Tensor mask, kept, sequence_ids, lengths;
};

}  // namespace r1::test
