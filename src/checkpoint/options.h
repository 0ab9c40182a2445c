#pragma once
// Options of the section [checkpoint].
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/options.h"

namespace r1::checkpoint {

struct CheckpointOptions {
  std::int64_t interval_steps = 100;
  double mtbf_hours = 24;
  std::int64_t keep_last = 3;
  std::int64_t keep_every = 0;
  std::string staging_dir;
  bool background = true;
  bool narrow_when_done = false;
  std::int64_t max_refusals = 5;
  std::int64_t save_hf_every = 0;
  std::string save_hf_dtype = "auto";
  double save_hf_shard_gb = 5.0;

  void visit(base::OptionVisitor& v) {
    v("interval_steps", interval_steps,
      "steps between checkpoints; 0: Young/Daly's optimum from the measured cost and mtbf_hours");
    v("mtbf_hours", mtbf_hours,
      "hours between failures of the whole job, used when interval_steps is 0");
    v("keep_last", keep_last, "newest checkpoints that are kept, at least 3");
    v("keep_every", keep_every, "checkpoints of steps divisible by this are kept too; 0: none");
    v("staging_dir", staging_dir,
      "node-local folder that a checkpoint is written to before it is copied; empty: none");
    v("background", background, "write while training goes on; false: wait for each checkpoint");
    v("narrow_when_done", narrow_when_done,
      "a pipeline writes a stage's model anew in bf16 when no later stage starts from it any more");
    v("max_refusals", max_refusals, "checkpoints in a row that may fail for lack of disk space");
    v("save_hf_every", save_hf_every,
      "steps between exports as a Hugging Face folder, a multiple of the interval; 0: none");
    v("save_hf_dtype", save_hf_dtype,
      "dtype of these exports: \"fp32\", \"bf16\" or \"auto\" (that of the master weights, which a "
      "later stage continues without loss)");
    v("save_hf_shard_gb", save_hf_shard_gb,
      "largest safetensors file of a trained model, GB; a larger tensor has its own file");
  }

  void check(const std::string& key, base::Problems& problems) const {
    const auto at_least = [&](const char* name, std::int64_t value, std::int64_t minimum) {
      problems.require(value >= minimum, key + "." + name,
                       fmt::format("expected at least {}, found {}", minimum, value));
    };
    at_least("interval_steps", interval_steps, 0);
    at_least("keep_last", keep_last, 3);
    at_least("keep_every", keep_every, 0);
    at_least("max_refusals", max_refusals, 1);
    at_least("save_hf_every", save_hf_every, 0);
    problems.require(
        save_hf_dtype == "auto" || save_hf_dtype == "fp32" || save_hf_dtype == "bf16",
        key + ".save_hf_dtype",
        fmt::format("expected \"auto\", \"fp32\" or \"bf16\", found \"{}\"", save_hf_dtype));
    problems.require(save_hf_shard_gb > 0, key + ".save_hf_shard_gb",
                     fmt::format("expected more than 0 GB, found {}", save_hf_shard_gb));
    problems.require(mtbf_hours > 0, key + ".mtbf_hours",
                     fmt::format("expected more than 0 hours, found {}", mtbf_hours));
    problems.require(
        save_hf_every == 0 || interval_steps == 0 || save_hf_every % interval_steps == 0,
        key + ".save_hf_every",
        fmt::format("expected a multiple of interval_steps = {}, found {}", interval_steps,
                    save_hf_every));
  }

  std::size_t save_hf_shard_bytes() const {
    return static_cast<std::size_t>(save_hf_shard_gb * 1e9);
  }
};

/// Steps between checkpoints: interval_steps, or sqrt(2 x cost x MTBF) in steps (at least 1). Pass
/// times that all ranks agree on. Reference: Young, CACM 17 (1974) 530; Daly, FGCS 22 (2006) 303.
std::int64_t checkpoint_interval(const CheckpointOptions& options, double save_seconds,
                                 double step_seconds);

}  // namespace r1::checkpoint
