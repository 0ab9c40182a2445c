#pragma once
// The families that the program runs, each with what sets its layers apart from Llama's. A new
// family adds one line here and nothing else outside its folder: the choices of `architecture` and
// the sizes that plan computes (options.h), the registry and the sequence classifiers are made of
// this list. Free of torch.
#include <string_view>

namespace r1::models {

struct FamilyTraits {
  bool qkv_bias = false;          // biases on q, k and v in every model
  bool mlp_bias = false;          // models may have biases in their MLPs
  bool query_key_norm = false;    // norms on every head's q and k
  bool latent_attention = false;  // keys and values compressed into one vector of a token
  bool experts = false;           // models may have layers of experts
  bool router_bias = false;       // the router has a bias that balances its experts' load
};

// FAMILY(name, traits): `name` is `model_type` of config.json, name_family() is in its folder.
#define R1_MODEL_FAMILIES(FAMILY)       \
  FAMILY(llama, .mlp_bias = true)       \
  FAMILY(qwen2, .qkv_bias = true)       \
  FAMILY(qwen3, .query_key_norm = true) \
  FAMILY(deepseek_v3, .latent_attention = true, .experts = true, .router_bias = true)

struct NamedFamily {
  std::string_view name;
  FamilyTraits traits;
};

#define R1_NAMED_FAMILY(name, ...) {#name, {__VA_ARGS__}},
inline constexpr NamedFamily kFamilies[] = {R1_MODEL_FAMILIES(R1_NAMED_FAMILY)};
#undef R1_NAMED_FAMILY

}  // namespace r1::models
