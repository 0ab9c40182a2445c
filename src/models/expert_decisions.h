#pragma once
// The compact form of router decisions (ExpertDecisions in model.h) outside of passes: in
// completions, messages and recorded rollouts.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "models/options.h"

namespace r1::models {

/// More experts than this do not fit into the int16 of ExpertDecisions.
constexpr std::int64_t kMostRecordedExperts = 1 << 15;

/// Decisions of a token: sparse layers x experts per token; 0: the model has no experts.
std::int64_t decisions_per_token(const ModelShape& shape);

/// Bytes of the decisions of a token: one for each with at most 256 experts, else two, the lower
/// byte first.
std::int64_t decision_bytes_per_token(const ModelShape& shape);

/// decisions: int16 [T, decisions_per_token] on the CPU -> T x decision_bytes_per_token.
std::vector<std::uint8_t> decisions_to_bytes(const at::Tensor& decisions, const ModelShape& shape);

/// decisions_to_bytes(), the other way. Throws: InputError if the bytes are not those of whole
/// tokens, or name an expert that the model does not have.
at::Tensor decisions_from_bytes(std::span<const std::uint8_t> bytes, const ModelShape& shape);

}  // namespace r1::models
