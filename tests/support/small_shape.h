#pragma once
// Shapes of models that take milliseconds.
#include <string>

#include "models/model.h"

namespace r1::test {

/// Two layers, a vocabulary of 13; of deepseek_v3 one layer is dense and one has six experts.
inline models::ModelShape small_shape(const std::string& architecture) {
  models::ModelShape shape;
  shape.architecture = architecture;
  shape.vocab_size = 13;
  shape.hidden_size = 16;
  shape.num_hidden_layers = 2;
  shape.num_attention_heads = 4;
  shape.num_key_value_heads = 2;
  shape.head_dim = 8;
  shape.intermediate_size = 22;
  shape.max_position_embeddings = 64;
  shape.tie_word_embeddings = architecture == "llama";
  if (architecture != "deepseek_v3") return shape;
  shape.num_key_value_heads = 4;
  shape.latent_attention = {.q_lora_rank = 12,
                            .kv_lora_rank = 8,
                            .qk_nope_head_dim = 4,
                            .qk_rope_head_dim = 8,
                            .v_head_dim = 6};
  shape.experts.num_experts = 6;
  shape.experts.num_experts_per_token = 2;
  shape.experts.num_shared_experts = 1;
  shape.experts.moe_intermediate_size = 10;
  shape.experts.num_dense_layers = 1;
  shape.experts.num_groups = 3;
  shape.experts.num_groups_per_token = 2;
  return shape;
}

}  // namespace r1::test
