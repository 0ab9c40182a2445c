#include "config/options.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <optional>

#include "base/ranges.h"

namespace r1::config {
namespace {

/// "SS", "MM:SS", "HH:MM:SS" or "D-HH:MM:SS" (Slurm's forms with seconds) as seconds.
std::optional<double> parse_duration(const std::string& text) {
  std::int64_t days = 0;
  std::int64_t total = 0;
  std::int64_t part = 0;
  int digits = 0;
  for (char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) && digits < 9) {
      part = part * 10 + (c - '0');
      ++digits;
    } else if (digits > 0 && c == ':') {
      total = (total + part) * 60;
      part = digits = 0;
    } else if (digits > 0 && c == '-' && total == 0 && days == 0) {
      days = part;
      part = digits = 0;
    } else {
      return std::nullopt;
    }
  }
  if (digits == 0) return std::nullopt;
  return static_cast<double>(days * 86400 + total + part);
}

}  // namespace

double RunOptions::time_limit_seconds() const {
  return time_limit.empty() ? 0.0 : parse_duration(time_limit).value_or(0.0);
}

void RunOptions::visit(base::OptionVisitor& v) {
  v("seed", seed, "of everything random; results do not depend on the number of ranks");
  v.choice("device", device, {"auto", "cpu", "cuda"},
           "where tensors live; auto: on the GPUs that the job has, else on the CPU");
  v("threads", threads, "CPU threads of a rank; 0: measured once, at most the rank's cores");
  v("time_limit", time_limit,
    "wall clock, \"HH:MM:SS\" or \"D-HH:MM:SS\" or seconds as text; empty: Slurm's limit if any");
  v("stop_margin", stop_margin,
    "stop when this many times the next step plus a checkpoint would not fit");
  v("max_steps", max_steps, "stop after this many steps of a stage; 0: what the stage says");
  v("log_every", log_every,
    "steps between progress lines in a log (guide: 10 updates in RL, 100 batches in distillation); "
    "0: a line every metrics.progress_seconds");
  v("max_bad_steps", max_bad_steps, "skipped optimizer steps in a row before exit 3");
  v("max_lost_share", max_lost_share,
    "share of a step's samples that may have no score (no readable gold answer, an external "
    "command that does not answer); 1: any share");
  v("max_lost_steps", max_lost_steps, "steps in a row above max_lost_share before exit 2");
  v("max_idle_steps", max_idle_steps,
    "steps in a row without a gradient, or with learning rate 0, before exit 2; 0: no limit");
  v("outlier_factor", outlier_factor,
    "an optimizer step whose gradient norm exceeds this many medians of earlier steps is skipped, "
    "where only steps that had advantages are judged and compared; 0: gradients are clipped, and "
    "only steps that are not finite are skipped");
  v("profile", profile,
    "[first, last] step of a Chrome trace, profile_rankN.json in the run folder; empty: none");
}

void RunOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_at_least(problems, key + ".seed", seed, 0);
  base::require_at_least(problems, key + ".threads", threads, 0, " (0: measured)");
  problems.require(
      time_limit.empty() || parse_duration(time_limit).has_value(), key + ".time_limit",
      "expected \"HH:MM:SS\", \"D-HH:MM:SS\" or seconds, found \"" + time_limit + "\"");
  base::require_at_least(problems, key + ".stop_margin", stop_margin, 1);
  base::require_at_least(problems, key + ".max_steps", max_steps, 0);
  base::require_at_least(problems, key + ".log_every", log_every, 0, " (0: by time)");
  base::require_above(problems, key + ".max_bad_steps", max_bad_steps, 0);
  problems.require(max_lost_share > 0.0 && max_lost_share <= 1.0, key + ".max_lost_share",
                   fmt::format("expected in (0, 1], found {}", max_lost_share));
  base::require_above(problems, key + ".max_lost_steps", max_lost_steps, 0);
  base::require_at_least(problems, key + ".max_idle_steps", max_idle_steps, 0, " (0: no limit)");
  problems.require(outlier_factor == 0.0 || outlier_factor > 1.0, key + ".outlier_factor",
                   fmt::format("expected 0 (off) or more than 1, found {}", outlier_factor));
  problems.require(
      profile.empty() || (profile.size() == 2 && profile[0] >= 0 && profile[0] <= profile[1]),
      key + ".profile", "expected [first step, last step], or [] for none");
}

void MeshOptions::visit(base::OptionVisitor& v) {
  v("tp", tp, "tensor parallel size: ranks that hold one layer together");
  v("ep", ep, "expert parallel size: ranks that hold the experts of a layer together");
  v("cp", cp,
    "context parallel size: ranks that hold the tokens of a batch together, for training and "
    "scoring of long sequences");
  v("dp", dp, "data parallel size; 0: the role's ranks / (tp x cp x ep)");
}

void MeshOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".tp", tp, 0);
  base::require_above(problems, key + ".ep", ep, 0);
  base::require_above(problems, key + ".cp", cp, 0);
  base::require_at_least(problems, key + ".dp", dp, 0, " (0: what is left)");
}

void RoleOptions::visit(base::OptionVisitor& v) {
  v("ranks", ranks,
    "ranks of the role; -1: automatic (on GPUs the policy's, on the CPU one of its own where there "
    "are enough)");
  v("share_with", share_with, "run on the ranks of this other role; empty: own ranks or automatic");
  v.section("train", train, "split for training and scoring");
  v.section("generate", generate, "split for generation; tp = 0: that of training");
}

void RoleOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(ranks == -1 || ranks > 0, key + ".ranks", "expected -1 (automatic) or > 0");
  problems.require(share_with.empty() || ranks == -1, key + ".share_with",
                   "a role that shares takes the other role's ranks: leave ranks at -1");
  train.check(key + ".train", problems);
  if (generate.tp != 0) generate.check(key + ".generate", problems);
  problems.require(
      generate.cp == 1, key + ".generate.cp",
      fmt::format("expected 1 (the context axis is for training and scoring), found {}",
                  generate.cp));
}

void RolesOptions::visit(base::OptionVisitor& v) {
  v("generate_ranks", generate_ranks,
    "rl: ranks that only sample for the policy, besides those that train it; 0: all of them do "
    "both");
  v.section("policy", policy, "the model that is trained, or that generates");
  v.section("reference", reference, "the frozen copy of the KL term");
  v.section("reward", reward, "rules (CPU), reward model, toxicity classifier");
  v.section("teacher", teacher, "the frozen model of distillation");
}

void RolesOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_at_least(problems, key + ".generate_ranks", generate_ranks, 0);
  const std::array<std::pair<const char*, const RoleOptions*>, 4> roles = {
      {{"policy", &policy}, {"reference", &reference}, {"reward", &reward}, {"teacher", &teacher}}};
  for (const auto& [name, role] : roles) {
    role->check(fmt::format("{}.{}", key, name), problems);
    if (role->share_with.empty()) continue;
    const RoleOptions* other = nullptr;
    for (const auto& [other_name, candidate] : roles)
      if (role->share_with == other_name) other = candidate;
    const std::string where = fmt::format("{}.{}.share_with", key, name);
    if (other == nullptr || other == role)
      problems.add(where, "expected another role (policy, reference, reward, teacher), found \"" +
                              role->share_with + "\"");
    else
      problems.require(other->share_with.empty(), where,
                       "role \"" + role->share_with + "\" shares ranks itself: name the owner \"" +
                           other->share_with + "\"");
  }
}

void CommunicationOptions::visit(base::OptionVisitor& v) {
  v.choice("backend", backend, {"auto", "mpi", "nccl"},
           "what carries GPU tensors between the ranks of a role (CPU tensors: always mpi); auto: "
           "nccl where each rank has a GPU of its own, mpi else; nccl: on one rank too, and an "
           "error where ranks share a GPU");
  v("watchdog_seconds", watchdog_seconds,
    "a call that waits longer ends the job and names rank and call; one that waits for another "
    "role "
    "only when a rank does not answer or all ranks wait");
}

void CommunicationOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".watchdog_seconds", watchdog_seconds, 0);
}

void TrainerOptions::visit(base::OptionVisitor& v) {
  v("micro_batch_tokens", micro_batch_tokens, "tokens of one forward and backward pass of a rank");
  v("score_batch_tokens", score_batch_tokens, "tokens of one forward pass that only scores");
  v("logprob_chunk_tokens", logprob_chunk_tokens,
    "tokens whose logits exist at once, in fp32 over the vocabulary");
  v("bucket_mb", bucket_mb, "gradients or weights that travel together, MB");
  v.choice("gradient_dtype", gradient_dtype, {"fp32", "bf16", "fp64"},
           "in which gradients are accumulated and reduced");
  v.choice(
      "activation_checkpointing", activation_checkpointing,
      {"none", "selective", "full", "offload"},
      "what is recomputed in backward instead of kept: selective: the feed-forward half of each "
      "layer; full: each layer; offload: each layer, whose input waits in host memory (GPU)");
  v("sequence_parallel", sequence_parallel,
    "split the residual stream and its norms by tokens over the tensor axis (tp)");
  v("zero_stage", zero_stage,
    "what data parallel ranks share out instead of each holding all of it (ZeRO): 0: nothing; 1: "
    "master weights and moments; 2: summed gradients too, at the cost of a reduction per "
    "micro-batch; 3: the weights too (also of reference and teacher), which each layer gathers "
    "before it computes");
  v.choice(
      "offload", offload, {"none", "optimizer", "reference", "both"},
      "what lives in host memory (GPU): master weights and moments, which the CPU then updates; "
      "the reference's weights while it does not score");
  v("share_prefix", share_prefix, "equal prompts of a micro-batch are computed once");
  v("expert_bias_rate", expert_bias_rate,
    "mixtures of experts: step of the routing biases towards an even load after each optimizer "
    "step (DeepSeek-V3: 0.001); 0: left alone");
}

void TrainerOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".micro_batch_tokens", micro_batch_tokens, 0);
  base::require_above(problems, key + ".score_batch_tokens", score_batch_tokens, 0);
  base::require_above(problems, key + ".logprob_chunk_tokens", logprob_chunk_tokens, 0);
  base::require_above(problems, key + ".bucket_mb", bucket_mb, 0);
  problems.require(zero_stage >= 0 && zero_stage <= 3, key + ".zero_stage",
                   fmt::format("expected 0, 1, 2 or 3, found {}", zero_stage));
  base::require_at_least(problems, key + ".expert_bias_rate", expert_bias_rate, 0);
}

}  // namespace r1::config
