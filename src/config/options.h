#pragma once
// Options of a run as a whole: device and time, which ranks do what, how the trainer cuts its work.
// The stages' options are in rl_options.h, supervised_options.h, data_stage_options.h; other
// modules'
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/options.h"
#include "config/data_stage_options.h"
#include "config/rl_options.h"
#include "config/supervised_options.h"

namespace r1::config {

/// [run]: what every command needs.
struct RunOptions {
  std::int64_t seed = 1;
  std::string device = "auto";
  std::int64_t threads = 0;
  std::string time_limit;
  double stop_margin = 1.5;
  std::int64_t max_steps = 0;
  std::int64_t log_every = 0;
  std::int64_t max_bad_steps = 5;
  double max_lost_share = 0.9;
  std::int64_t max_lost_steps = 5;
  std::int64_t max_idle_steps = 1000;
  double outlier_factor = 0.0;
  std::vector<std::int64_t> profile;  // {first, last} step of a trace; empty: none

  /// Whether a trace is on at `step`.
  bool profiles(std::int64_t step) const {
    return !profile.empty() && profile[0] <= step && step <= profile[1];
  }

  /// time_limit in seconds; 0: none given. Call after check().
  double time_limit_seconds() const;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// A role's split of a model over its ranks; every axis must divide the role's ranks.
struct MeshOptions {
  std::int64_t tp = 1;
  std::int64_t ep = 1;
  std::int64_t dp = 0;  // 0: what is left
  std::int64_t cp = 1;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// The ranks of one role.
struct RoleOptions {
  std::int64_t ranks = -1;
  std::string share_with;
  MeshOptions train;
  MeshOptions generate{0, 1, 0};

  /// Without a layout of its own, generation has that of training; the ranks of the context axis
  /// then sample different prompts.
  MeshOptions generation_mesh() const {
    return generate.tp > 0 ? generate : MeshOptions{train.tp, train.ep, train.dp * train.cp};
  }

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [roles]: who computes what. auto: on GPUs reference, reward and teacher work on the policy's
/// ranks, since a GPU that only scores is idle most of the time, and the reference is split as the
/// policy is. On the CPU each of them that is used gets a rank and the policy the rest; they share
/// where there are not enough ranks for that.
struct RolesOptions {
  RoleOptions policy;
  RoleOptions reference;
  RoleOptions reward;
  RoleOptions teacher;
  std::int64_t generate_ranks = 0;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [communication]: how ranks talk, and when silence is an error.
struct CommunicationOptions {
  std::string backend = "auto";
  double watchdog_seconds = 600.0;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [trainer]: how an optimizer step is cut, which changes no result, and how experts are balanced.
struct TrainerOptions {
  std::int64_t micro_batch_tokens = 16384;
  std::int64_t score_batch_tokens = 32768;
  std::int64_t logprob_chunk_tokens = 1024;
  double bucket_mb = 64.0;
  std::string gradient_dtype = "fp32";
  std::string activation_checkpointing = "none";
  bool sequence_parallel = false;
  std::int64_t zero_stage = 1;
  std::string offload = "none";
  bool share_prefix = true;
  double expert_bias_rate = 0.0;

  bool shares_out_weights() const { return zero_stage == 3; }
  bool offloads_optimizer() const { return offload == "optimizer" || offload == "both"; }
  bool offloads_reference() const { return offload == "reference" || offload == "both"; }
  std::int64_t bucket_bytes() const { return static_cast<std::int64_t>(bucket_mb * 1e6); }

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

}  // namespace r1::config
