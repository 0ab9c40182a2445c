#include "config/plan_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "config/model_size.h"

namespace r1::config {
namespace {

// bf16 weights and gradients, fp32 master weights and two moments (pipeline.md).
constexpr double kTrainingBytes = 16.0;
constexpr double kFrozenBytes = 2.0;
// The rest of a GPU is for activations, cache and buffers.
constexpr double kShareForState = 0.75;

/// What a stage of the guide does, in tokens.
struct StageWork {
  const char* name;
  double bytes_per_parameter;
  double sampled_tokens;
  double trained_tokens;  // times passes over them
};

// 100,000 episodes x 64 (32 in RL 2) x 2,048 tokens x 4 epochs; SFT: 600 k records of 1,000 tokens
// (R1's number) x 3 epochs; distillation: 800,000 samples of 2,048 tokens, 3 epochs.
constexpr std::array<StageWork, 5> kStages = {{
    {"RL 1", kTrainingBytes + kFrozenBytes, 100000.0 * 64 * 2048, 100000.0 * 64 * 2048 * 4},
    {"RL 2", kTrainingBytes + kFrozenBytes, 100000.0 * 32 * 2048, 100000.0 * 32 * 2048 * 4},
    {"SFT", kTrainingBytes, 0.0, 600000.0 * 1000 * 3},
    {"distillation data", kFrozenBytes, 800000.0 * 2048, 0.0},
    {"distillation", kTrainingBytes, 0.0, 800000.0 * 2048 * 3},
}};

/// Rank-hours of a stage: training at 3 forward passes a token, sampling as bound by the
/// efficiency of decoding in operations of a full batch.
double rank_hours(const StageWork& work, const models::ModelShape& shape, const Machine& machine,
                  const PlanOptions& plan) {
  const double forward = forward_flops_per_token(shape, 1024.0);
  const double train = 3.0 * forward * work.trained_tokens / plan.train_efficiency;
  // A step of 64 sequences reads all weights once.
  const double read_seconds = kFrozenBytes * count_parameters(shape).total() / machine.bandwidth /
                              plan.generate_efficiency / 64.0;
  const double sample_seconds =
      std::max(read_seconds, forward / machine.flops / plan.train_efficiency);
  return (train / machine.flops + sample_seconds * work.sampled_tokens) / 3600.0;
}

const char* const kGuideRows = R"(
What the guide claims:
| stage | minimum | recommended | memory | time |
| --- | --- | --- | --- | --- |
| RL 1 | 8x A100 80GB | 16x A100 80GB | 640 GB | 7-14 days |
| RL 2 | 8x A100 80GB | 16x A100 80GB | 640 GB | 3-7 days |
| SFT | 4x A100 80GB | 8x A100 80GB | 320 GB | 1-3 days |
| distillation | 2x A100 80GB | 4x A100 80GB | 160 GB | 12-24 hours |
)";

}  // namespace

GpuNeed gpus_needed(const models::ModelShape& shape, double bytes_per_parameter,
                    const Machine& machine) {
  GpuNeed need;
  need.bytes = count_parameters(shape).total() * bytes_per_parameter;
  need.minimum = static_cast<std::int64_t>(std::ceil(need.bytes / machine.memory));
  need.recommended = 1;
  const double room = kShareForState * machine.memory;
  while (static_cast<double>(need.recommended) * room < need.bytes) need.recommended *= 2;
  return need;
}

std::string plan_table(const std::vector<NamedShape>& models, const PlanOptions& plan) {
  const Machine machine = find_machine(plan, "cuda");
  std::string out = fmt::format(
      "GPUs: {} ({:.0f} GB). Training: {:.0f} bytes a parameter and a bf16 reference in RL; "
      "frozen: "
      "{:.0f}.\n| stage | model | minimum | recommended | memory, GB | GPU-hours | days on the "
      "recommended |\n| --- | --- | --- | --- | --- | --- | --- |\n",
      machine.name, machine.memory / 1e9, kTrainingBytes, kFrozenBytes);
  for (const StageWork& stage : kStages) {
    for (const NamedShape& model : models) {
      const GpuNeed need = gpus_needed(model.shape, stage.bytes_per_parameter, machine);
      const double hours = rank_hours(stage, model.shape, machine, plan);
      out += fmt::format("| {} | {} | {} | {} | {:.0f} | {:.0f} | {:.1f} |\n", stage.name,
                         model.name, need.minimum, need.recommended, need.bytes / 1e9, hours,
                         hours / 24.0 / static_cast<double>(need.recommended));
    }
  }
  return out + kGuideRows;
}

}  // namespace r1::config
