#pragma once
// Options of a model: the location of the weights, or the shape of a model with random weights.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/options.h"
#include "models/family_list.h"
#include "models/lora_options.h"

namespace r1::models {

/// Rotary position scaling, with the names of `rope_scaling` in Hugging Face files.
struct RopeScalingOptions {
  std::string type = "none";
  double factor = 1.0;
  double low_freq_factor = 1.0;
  double high_freq_factor = 4.0;
  std::int64_t original_max_position_embeddings = 8192;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  double mscale = 0.0;
  double mscale_all_dim = 0.0;
  double attention_factor = 0.0;

  void visit(base::OptionVisitor& v) {
    v.choice("type", type, {"none", "linear", "llama3", "yarn"}, "kind of scaling");
    v("factor", factor, "context is stretched by this factor");
    v("low_freq_factor", low_freq_factor, "llama3: wave lengths above original/this are stretched");
    v("high_freq_factor", high_freq_factor, "llama3: wave lengths below original/this are kept");
    v("original_max_position_embeddings", original_max_position_embeddings,
      "context length of pre-training, tokens");
    v("beta_fast", beta_fast, "yarn: rotations above which a frequency is kept");
    v("beta_slow", beta_slow, "yarn: rotations below which a frequency is stretched");
    v("mscale", mscale, "yarn: attention temperature coefficient; 0: not given");
    v("mscale_all_dim", mscale_all_dim,
      "yarn: the same for all dimensions (DeepSeek-V3: 1.0); 0: not given");
    v("attention_factor", attention_factor,
      "yarn: factor on cos and sin; 0: from factor, mscale and mscale_all_dim");
  }

  void check(const std::string& key, base::Problems& problems) const {
    problems.require(factor >= 1.0, key + ".factor", "expected >= 1");
    problems.require(original_max_position_embeddings > 0,
                     key + ".original_max_position_embeddings", "expected > 0");
    problems.require(low_freq_factor > 0.0 && high_freq_factor > low_freq_factor,
                     key + ".high_freq_factor", "expected 0 < low_freq_factor < high_freq_factor");
    problems.require(beta_slow > 0.0 && beta_fast >= beta_slow, key + ".beta_fast",
                     "expected 0 < beta_slow <= beta_fast");
    problems.require(attention_factor >= 0.0, key + ".attention_factor", "expected >= 0");
  }
};

/// Multi-head latent attention of DeepSeek-V3 (arXiv 2412.19437, section 2.1.1).
struct LatentAttentionOptions {
  std::int64_t q_lora_rank = 0;
  std::int64_t kv_lora_rank = 512;
  std::int64_t qk_nope_head_dim = 128;
  std::int64_t qk_rope_head_dim = 64;
  std::int64_t v_head_dim = 128;
  bool rope_interleave = true;

  void visit(base::OptionVisitor& v) {
    v("q_lora_rank", q_lora_rank, "rank of the query compression; 0: none");
    v("kv_lora_rank", kv_lora_rank, "rank of the key/value compression (what the cache holds)");
    v("qk_nope_head_dim", qk_nope_head_dim, "query/key width of a head without rotary positions");
    v("qk_rope_head_dim", qk_rope_head_dim, "query/key width of a head with rotary positions");
    v("v_head_dim", v_head_dim, "value width of a head");
    v("rope_interleave", rope_interleave,
      "rotary positions pair neighbouring dimensions (DeepSeek's files), not the two halves");
  }

  void check(const std::string& key, base::Problems& problems) const {
    constexpr std::int64_t kWidest = 1 << 16;
    const auto within = [&](const char* name, std::int64_t value, std::int64_t least) {
      problems.require(value >= least && value <= kWidest, key + name,
                       fmt::format("expected {} to {}, found {}", least, kWidest, value));
    };
    within(".q_lora_rank", q_lora_rank, 0);
    within(".kv_lora_rank", kv_lora_rank, 1);
    within(".qk_nope_head_dim", qk_nope_head_dim, 1);
    within(".qk_rope_head_dim", qk_rope_head_dim, 1);
    within(".v_head_dim", v_head_dim, 1);
    problems.require(qk_rope_head_dim % 2 == 0, key + ".qk_rope_head_dim",
                     "expected an even number");
  }
};

/// Mixture of experts of DeepSeek-V3 (arXiv 2412.19437, section 2.1.2).
struct ExpertOptions {
  std::int64_t num_experts = 0;
  std::int64_t num_experts_per_token = 8;
  std::int64_t num_shared_experts = 1;
  std::int64_t moe_intermediate_size = 2048;
  std::int64_t num_dense_layers = 3;
  std::int64_t num_groups = 8;
  std::int64_t num_groups_per_token = 4;
  double routed_scaling_factor = 2.5;
  bool normalize_weights = true;

  void visit(base::OptionVisitor& v) {
    v("num_experts", num_experts, "routed experts of a layer; 0: every layer is dense");
    v("num_experts_per_token", num_experts_per_token, "experts that a token visits");
    v("num_shared_experts", num_shared_experts, "experts that every token visits");
    v("moe_intermediate_size", moe_intermediate_size, "width of an expert");
    v("num_dense_layers", num_dense_layers, "first layers that are dense");
    v("num_groups", num_groups, "groups of experts for the routing limit");
    v("num_groups_per_token", num_groups_per_token, "groups that a token may visit");
    v("routed_scaling_factor", routed_scaling_factor, "factor on the routed experts' sum");
    v("normalize_weights", normalize_weights, "gate weights of a token are divided by their sum");
  }

  void check(const std::string& key, base::Problems& problems) const {
    constexpr std::int64_t kMostExperts = 1 << 16, kWidest = 1 << 20;
    problems.require(num_experts >= 0 && num_experts <= kMostExperts, key + ".num_experts",
                     fmt::format("expected 0 to {}, found {}", kMostExperts, num_experts));
    if (num_experts <= 0) return;
    problems.require(num_experts_per_token > 0 && num_experts_per_token <= num_experts,
                     key + ".num_experts_per_token", "expected 1 to num_experts");
    problems.require(num_shared_experts >= 0 && num_shared_experts <= kMostExperts,
                     key + ".num_shared_experts",
                     fmt::format("expected 0 to {}, found {}", kMostExperts, num_shared_experts));
    problems.require(moe_intermediate_size > 0 && moe_intermediate_size <= kWidest,
                     key + ".moe_intermediate_size",
                     fmt::format("expected 1 to {}, found {}", kWidest, moe_intermediate_size));
    problems.require(num_dense_layers >= 0, key + ".num_dense_layers", "expected >= 0");
    problems.require(num_groups > 0 && num_experts % num_groups == 0, key + ".num_groups",
                     "expected a divisor of num_experts");
    problems.require(num_groups_per_token > 0 && num_groups_per_token <= num_groups,
                     key + ".num_groups_per_token", "expected 1 to num_groups");
    if (num_groups <= 0) return;
    problems.require(num_experts_per_token <= num_groups_per_token * (num_experts / num_groups),
                     key + ".num_experts_per_token",
                     "expected at most the experts of num_groups_per_token groups");
  }
};

/// The names of all families.
inline std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const auto& family : kFamilies) names.emplace_back(family.name);
  return names;
}

/// Shape of a model, with the names of a Hugging Face config.json. Random models and `plan` use
/// these options; a model with a path takes the shape from its folder.
struct ModelShape {
  std::string architecture = "llama";
  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t num_hidden_layers = 0;
  std::int64_t num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_position_embeddings = 32768;
  double rope_theta = 10000.0;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;
  bool attention_bias = false;
  bool mlp_bias = false;
  RopeScalingOptions rope_scaling;
  LatentAttentionOptions latent_attention;
  ExpertOptions experts;
  /// Adapters beside the weights. They are a property of a trained model ([model.lora]) and no part
  /// of a config.json, so visit() leaves them out.
  LoraOptions lora;

  /// Whether no shape was given: the shape then comes from the model's folder.
  bool empty() const { return hidden_size == 0; }
  std::int64_t kv_heads() const {
    return num_key_value_heads > 0 ? num_key_value_heads : num_attention_heads;
  }
  /// Width of a head: head_dim if given, else hidden_size / num_attention_heads.
  std::int64_t head_width() const {
    if (head_dim > 0) return head_dim;
    return num_attention_heads > 0 ? hidden_size / num_attention_heads : 0;
  }
  /// Number of layers without experts.
  std::int64_t dense_layers() const {
    return experts.num_experts > 0 ? std::min(experts.num_dense_layers, num_hidden_layers)
                                   : num_hidden_layers;
  }
  /// Traits of the architecture; an unknown architecture has the default traits.
  FamilyTraits traits() const {
    for (const auto& family : kFamilies)
      if (family.name == architecture) return family.traits;
    return {};
  }
  bool has_latent_attention() const { return traits().latent_attention; }

  void visit(base::OptionVisitor& v) {
    v.choice("architecture", architecture, family_names(), "family: `model_type` of config.json");
    v("vocab_size", vocab_size, "rows of the embedding");
    v("hidden_size", hidden_size, "width; 0: the shape comes from the model's folder");
    v("num_hidden_layers", num_hidden_layers, "layers");
    v("num_attention_heads", num_attention_heads, "query heads");
    v("num_key_value_heads", num_key_value_heads, "key/value heads; 0: as many as query heads");
    v("intermediate_size", intermediate_size, "width of the dense MLP");
    v("head_dim", head_dim, "width of a head; 0: hidden_size / num_attention_heads");
    v("max_position_embeddings", max_position_embeddings, "longest context, tokens");
    v("rope_theta", rope_theta, "base of the rotary positions");
    v("rms_norm_eps", rms_norm_eps, "epsilon of the norms");
    v("tie_word_embeddings", tie_word_embeddings, "the head is the embedding");
    v("attention_bias", attention_bias,
      "biases on attention's projections (llama, qwen3; deepseek_v3: the compressions and o)");
    v("mlp_bias", mlp_bias, "llama: biases on the MLP's projections");
    v.section("rope_scaling", rope_scaling, "scaling of the rotary positions");
    v.section("latent_attention", latent_attention, "deepseek_v3: latent attention");
    v.section("experts", experts, "deepseek_v3: mixture of experts");
  }

  void check(const std::string& key, base::Problems& problems) const {
    if (empty()) return;
    check_sizes(key, problems);
    rope_scaling.check(key + ".rope_scaling", problems);
    problems.require(!attention_bias || !traits().qkv_bias, key + ".attention_bias",
                     architecture + " has biases on q, k and v always, and on nothing else");
    problems.require(!mlp_bias || traits().mlp_bias, key + ".mlp_bias",
                     architecture + " has no biases in its MLPs");
    if (has_latent_attention()) latent_attention.check(key + ".latent_attention", problems);
    if (traits().experts)
      experts.check(key + ".experts", problems);
    else
      problems.require(experts.num_experts == 0, key + ".experts.num_experts",
                       architecture + " has no experts");
  }

 private:
  void check_sizes(const std::string& key, base::Problems& problems) const {
    // The largest are some ten times what any published model has: more is a slip, and building
    // it would take a machine's memory before anything is compared with the files.
    const auto within = [&](const char* name, std::int64_t value, std::int64_t most) {
      problems.require(value > 0 && value <= most, key + name,
                       fmt::format("expected 1 to {}, found {}", most, value));
    };
    within(".vocab_size", vocab_size, 1 << 24);
    within(".hidden_size", hidden_size, 1 << 20);
    within(".num_hidden_layers", num_hidden_layers, 10'000);
    within(".intermediate_size", intermediate_size, 1 << 22);
    within(".max_position_embeddings", max_position_embeddings, 1'000'000'000);
    problems.require(rope_theta > 0.0, key + ".rope_theta", "expected > 0");
    problems.require(rms_norm_eps > 0.0, key + ".rms_norm_eps", "expected > 0");
    within(".num_attention_heads", num_attention_heads, 1 << 16);
    problems.require(head_dim >= 0 && head_dim <= 1 << 16, key + ".head_dim",
                     fmt::format("expected 0 to {}, found {}", 1 << 16, head_dim));
    if (num_attention_heads <= 0) return;
    problems.require(num_key_value_heads >= 0 && num_attention_heads % kv_heads() == 0,
                     key + ".num_key_value_heads", "expected a divisor of num_attention_heads");
    problems.require(head_dim > 0 || hidden_size % num_attention_heads == 0, key + ".head_dim",
                     "hidden_size is no multiple of num_attention_heads: give head_dim");
    problems.require(has_latent_attention() || head_width() % 2 == 0, key + ".head_dim",
                     "expected an even width (rotary positions pair dimensions)");
  }
};

/// What the adapters `lora` need of a model of `shape`.
inline void check_adapters(const ModelShape& shape, const LoraOptions& lora, const std::string& key,
                           base::Problems& problems) {
  if (!lora.used()) return;
  problems.require(lora.r <= shape.hidden_size, key + ".r",
                   fmt::format("expected at most the model's hidden_size {}, found {}",
                               shape.hidden_size, lora.r));
  for (const auto& module : lora.target_modules)
    problems.require(
        !shape.has_latent_attention() || module == "o_proj", key + ".target_modules",
        fmt::format("{}'s latent projections and experts have no adapters: expected o_proj, found "
                    "\"{}\"",
                    shape.architecture, module));
}

/// One model of a run: the policy or student ([model]), the reference, the teacher, the reward
/// model, the classifier.
struct ModelOptions {
  std::string path;
  std::string init = "load";
  std::string tokenizer;
  std::string chat_template = "auto";
  std::string dtype = "bf16";
  std::string master_dtype = "fp32";
  ModelShape shape;
  LoraOptions lora;

  /// Whether the role has a model: a path, or a shape with random weights.
  bool used() const { return !path.empty() || init == "random"; }

  void visit(base::OptionVisitor& v) {
    v("path", path,
      "Hugging Face folder, GGUF file, PEFT folder (its adapters are merged into their base), "
      "checkpoint folder, or a run folder, alone or with /latest, /best or /STEP behind it; {run} "
      "is "
      "the pipeline's run folder");
    v.choice("init", init, {"load", "random"}, "load: weights of path; random: shape, from seed");
    v("tokenizer", tokenizer,
      "folder, tokenizer.json or GGUF file; empty: that of path; \"bytes\": built-in, one token a "
      "byte");
    v("chat_template", chat_template,
      "auto (the model's own), one of the model's own by name, a .jinja file, or chatml, qwen2.5, "
      "qwen3, smollm2, smollm3, llama3, llama3.1, deepseek-v3, deepseek-r1, guide (the guide's ### "
      "format), r1-zero, plain");
    v.choice("dtype", dtype, {"auto", "bf16", "fp32", "fp64"},
             "weights and activations in computations; auto: bf16 on a GPU, on a CPU the faster of "
             "bf16 and fp32, measured once");
    v.choice("master_dtype", master_dtype, {"fp32", "fp64", "bf16"},
             "weights that the optimizer updates, and its moments");
    v.section("shape", shape, "shape of a random model (and for plan without the files)");
    v.section("lora", lora, "low-rank adapters that are trained instead of the weights");
  }

  void check(const std::string& key, base::Problems& problems) const {
    if (init == "random") {
      problems.require(!shape.empty(), key + ".shape",
                       "init = \"random\" needs a shape (hidden_size, num_hidden_layers, ...)");
      problems.require(!tokenizer.empty() || !path.empty(), key + ".tokenizer",
                       "init = \"random\" needs a tokenizer (\"bytes\" is built in)");
    }
    problems.require(
        dtype != "fp64" || master_dtype == "fp64", key + ".master_dtype",
        "dtype = \"fp64\" needs master_dtype = \"fp64\", found \"" + master_dtype + "\"");
    shape.check(key + ".shape", problems);
    lora.check(key + ".lora", problems);
    if (!shape.empty()) check_adapters(shape, lora, key + ".lora", problems);
  }
};

}  // namespace r1::models
