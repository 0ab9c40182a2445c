#pragma once
// The model families of the program, each with the traits that differ from Llama's. A new family
// adds one line here; all other changes are in the family's folder. The choices of `architecture`,
// the sizes that `plan` computes (options.h), the registry and the sequence classifiers are
// generated from this list. Free of torch.
#include <string_view>

namespace r1::models {

struct FamilyTraits {
  bool qkv_bias = false;          // biases on q, k and v in every model
  bool mlp_bias = false;          // models may have biases in the MLPs
  bool query_key_norm = false;    // norms of the q and k of every head
  bool latent_attention = false;  // keys and values are compressed into one latent vector per token
  bool experts = false;           // models may have mixture-of-experts layers
  bool router_bias = false;       // the router has a bias that balances the load of the experts
};

// FAMILY(name, traits): `name` is `model_type` in config.json. The family's folder defines
// name_family().
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
