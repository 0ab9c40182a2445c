#pragma once
// Low-rank adapters of a model (LoRA): their names, their first values, and the weights that they
// and the base make together. Reference: Hu et al., arXiv 2106.09685; the names and the first
// values are those of PEFT 0.21 (tuners/lora/layer.py).
#include <functional>

#include "models/model.h"

namespace r1::models {

/// A factor of the adapter of the projection NAME is the tensor
/// "base_model.model.NAME.lora_A.weight" [r, in] or "….lora_B.weight" [out, r].
inline constexpr const char* kPeftPrefix = "base_model.model.";
inline constexpr const char* kLoraA = ".lora_A.weight";
inline constexpr const char* kLoraB = ".lora_B.weight";

/// Fills one of adapters() with first values: A is uniform in +-1 / sqrt(in), B is 0, so that the
/// model computes what its base computes. A value depends only on (seed, name, index in the whole
/// tensor).
void initialize_adapter(const Parameter& adapter, std::uint64_t seed);
void initialize_adapters(Model& model, std::uint64_t seed);

/// A number of the weights of the base, which tells whether adapters belong to it: a sum over the
/// bits of all weights in the model's dtype, equal in every layout. Collective over: the experts
/// axis.
std::uint64_t base_fingerprint(const Model& model);

/// Values of adapters()[i], such as the master weights in place of the model's own.
using AdapterValues = std::function<at::Tensor(std::size_t adapter)>;
/// This rank's part of an adapted parameter with its adapters added, W + scale * B A, in `dtype`.
/// Needs no other rank, because a rank holds the rows of B and the columns of A of its part of W.
at::Tensor merged_weight(const Model& model, const Model::AdaptedWeight& adapted,
                         const AdapterValues& values, at::ScalarType dtype);

}  // namespace r1::models
