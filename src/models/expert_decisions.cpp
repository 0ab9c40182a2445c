#include "models/expert_decisions.h"

#include <ATen/ATen.h>

#include "base/errors.h"

namespace r1::models {
namespace {

std::int64_t bytes_per_decision(const ModelShape& shape) {
  constexpr std::int64_t kMostInAByte = 256;
  return shape.experts.num_experts <= kMostInAByte ? 1 : 2;
}

}  // namespace

std::int64_t decisions_per_token(const ModelShape& shape) {
  if (shape.experts.num_experts == 0) return 0;
  return (shape.num_hidden_layers - shape.dense_layers()) * shape.experts.num_experts_per_token;
}

std::int64_t decision_bytes_per_token(const ModelShape& shape) {
  return decisions_per_token(shape) * bytes_per_decision(shape);
}

std::vector<std::uint8_t> decisions_to_bytes(const at::Tensor& decisions, const ModelShape& shape) {
  const auto values = decisions.contiguous();
  const auto* value = values.const_data_ptr<std::int16_t>();
  const bool wide = bytes_per_decision(shape) == 2;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(static_cast<std::size_t>(values.numel() * (wide ? 2 : 1)));
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    bytes.push_back(static_cast<std::uint8_t>(value[i] & 0xff));
    if (wide) bytes.push_back(static_cast<std::uint8_t>(value[i] >> 8));
  }
  return bytes;
}

at::Tensor decisions_from_bytes(std::span<const std::uint8_t> bytes, const ModelShape& shape) {
  const auto per_token = decision_bytes_per_token(shape);
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (per_token == 0 || size % per_token != 0)
    throw base::InputError(
        fmt::format("{} bytes of router decisions: expected {} for each token", size, per_token));
  auto decisions = at::empty({size / per_token, decisions_per_token(shape)}, at::kShort);
  auto* value = decisions.mutable_data_ptr<std::int16_t>();
  const auto width = static_cast<std::size_t>(bytes_per_decision(shape));
  for (std::size_t i = 0; i < bytes.size(); i += width) {
    const int expert = bytes[i] + (width == 2 ? 256 * bytes[i + 1] : 0);
    if (expert >= shape.experts.num_experts)
      throw base::InputError(
          fmt::format("a router decision for expert {} of {}", expert, shape.experts.num_experts));
    *value++ = static_cast<std::int16_t>(expert);
  }
  return decisions;
}

}  // namespace r1::models
