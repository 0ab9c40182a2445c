#pragma once
// Options of sampling (what is drawn) and of the engine (how much at once).
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/options.h"

namespace r1::generation {

/// How a completion is drawn. The defaults are R1's for training: T = 1, full vocabulary.
struct SamplingOptions {
  double temperature = 1.0;
  double top_p = 1.0;
  std::int64_t top_k = 0;
  std::int64_t max_new_tokens = 2048;
  std::int64_t min_new_tokens = 0;
  bool ignore_eos = false;
  double median_length = 0.0;
  double length_sigma = 0.0;
  bool greedy = false;
  std::vector<std::string> stop;

  void visit(base::OptionVisitor& v) {
    v("temperature", temperature, "logits are divided by it (guide: 0.7 in RL, 0.6 else; R1: 1.0)");
    v("top_p", top_p, "smallest set of tokens with this probability is kept (guide: 0.9)");
    v("top_k", top_k, "this many likeliest tokens are kept; 0: all");
    v("max_new_tokens", max_new_tokens, "longest completion, tokens (guide: 2048)");
    v("min_new_tokens", min_new_tokens, "the end token is forbidden before this many tokens");
    v("ignore_eos", ignore_eos, "the end token does not end a completion (measurements)");
    v("median_length", median_length,
      "measurements: lengths that completions are cut off at are drawn from a log-normal "
      "distribution with this median, tokens; 0: all at max_new_tokens");
    v("length_sigma", length_sigma, "standard deviation of the logarithm of these lengths");
    v("greedy", greedy, "the likeliest token instead of a draw");
    v("stop", stop, "texts that end a completion");
  }

  void check(const std::string& key, base::Problems& problems) const {
    problems.require(temperature > 0.0, key + ".temperature",
                     "expected > 0 (greedy = true takes the likeliest token)");
    problems.require(top_p > 0.0 && top_p <= 1.0, key + ".top_p", "expected in (0, 1]");
    problems.require(top_k >= 0, key + ".top_k", "expected >= 0 (0: all tokens)");
    problems.require(max_new_tokens > 0, key + ".max_new_tokens", "expected > 0");
    problems.require(min_new_tokens >= 0 && min_new_tokens <= max_new_tokens,
                     key + ".min_new_tokens", "expected 0 to max_new_tokens");
    problems.require(median_length >= 0.0, key + ".median_length", "expected >= 0 (0: none)");
    problems.require(length_sigma >= 0.0, key + ".length_sigma", "expected >= 0");
    for (const std::string& text : stop)
      problems.require(!text.empty(), key + ".stop", "an empty text stops every completion");
  }
};

/// How many sequences the engine holds and how it cuts the KV cache.
struct EngineOptions {
  std::int64_t max_num_seqs = 256;
  std::int64_t block_size = 16;
  std::int64_t kv_cache_blocks = 0;
  double kv_cache_gb = 0.0;
  double gpu_memory_utilization = 0.9;
  std::int64_t max_num_batched_tokens = 8192;
  bool enable_prefix_caching = true;
  std::int64_t balance_every = 64;
  bool enforce_eager = false;

  void visit(base::OptionVisitor& v) {
    v("max_num_seqs", max_num_seqs, "sequences decoded at once on a replica");
    v("block_size", block_size, "tokens of a block of the paged KV cache");
    v("kv_cache_blocks", kv_cache_blocks, "blocks of the cache; 0: from kv_cache_gb");
    v("kv_cache_gb", kv_cache_gb,
      "cache of a rank, 1e9 bytes; 0: what max_num_seqs of the longest need");
    v("gpu_memory_utilization", gpu_memory_utilization,
      "cache of 0 GB on a GPU: at most what fills this share of the GPU's memory, with all that it "
      "holds besides; sequences beyond it wait");
    v("max_num_batched_tokens", max_num_batched_tokens,
      "tokens of a step at most, one of each running sequence among them: what prompts have more "
      "is "
      "computed in later steps");
    v("enable_prefix_caching", enable_prefix_caching,
      "prompts that begin alike share the cache's full blocks of what they have in common");
    v("balance_every", balance_every,
      "decode steps after which samples move to replicas that hold fewer; 0: never");
    v("enforce_eager", enforce_eager,
      "GPUs: launches the operations of a decode step one by one instead of one CUDA graph");
  }

  void check(const std::string& key, base::Problems& problems) const {
    problems.require(max_num_seqs > 0, key + ".max_num_seqs", "expected > 0");
    problems.require(block_size > 0, key + ".block_size", "expected > 0");
    problems.require(kv_cache_blocks >= 0, key + ".kv_cache_blocks", "expected >= 0");
    problems.require(kv_cache_gb >= 0.0, key + ".kv_cache_gb", "expected >= 0");
    problems.require(gpu_memory_utilization > 0.0 && gpu_memory_utilization <= 1.0,
                     key + ".gpu_memory_utilization", "expected in (0, 1]");
    problems.require(
        max_num_batched_tokens >= max_num_seqs, key + ".max_num_batched_tokens",
        fmt::format("expected at least max_num_seqs = {}, whose tokens count too; found {}",
                    max_num_seqs, max_num_batched_tokens));
    problems.require(balance_every >= 0, key + ".balance_every", "expected >= 0 (0: never)");
  }
};

}  // namespace r1::generation
