#pragma once
// The families that the program runs, each with what sets its layers apart from Llama's. A new
// family adds one line here and nothing else outside its folder: the choices of `architecture` and
// the sizes that plan computes (options.h), the registry and the sequence classifiers are made of
// this list. Free of torch.
#include <string_view>

namespace r1::models {

struct FamilyTraits {
  bool qkv_bias = false;        // biases on q, k and v in every model
  bool mlp_bias = false;        // models may have biases in their MLPs
  bool query_key_norm = false;  // norms on every head's q and k
  /// Latent attention and experts.
  bool deepseek = false;
};

// FAMILY(name, traits): `name` is `model_type` of config.json, name_family() is in its folder.
#define R1_MODEL_FAMILIES(FAMILY)       \
  FAMILY(llama, .mlp_bias = true)       \
  FAMILY(qwen2, .qkv_bias = true)       \
  FAMILY(qwen3, .query_key_norm = true) \
  FAMILY(deepseek_v3, .deepseek = true)

struct NamedFamily {
  std::string_view name;
  FamilyTraits traits;
};

#define R1_NAMED_FAMILY(name, ...) {#name, {__VA_ARGS__}},
inline constexpr NamedFamily kFamilies[] = {R1_MODEL_FAMILIES(R1_NAMED_FAMILY)};
#undef R1_NAMED_FAMILY

}  // namespace r1::models
