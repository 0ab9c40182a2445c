#include "device_choice.h"

#include "base/errors.h"
#include "base/log.h"
#include "config/checks.h"
#include "plan/machine.h"
#include "tensor/gpu_count.h"

namespace r1::mpi {
namespace {

void set_device(config::Config& config, const char* device) {
  if (config.run.device != "auto") return;
  config.run.device = device;
  base::Problems problems;
  config::check_device(config, problems);
  std::string text;
  for (const auto& problem : problems.list())
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", problem.key, problem.message);
  if (!text.empty())
    throw base::ConfigError(text + "\n(run.device = \"auto\" found no GPU that this job may use)");
}

}  // namespace

void choose_devices(MpiCommunicator& world, config::LoadedConfig& loaded) {
  bool is_asked = loaded.config.run.device == "auto";
  for (const auto& stage : loaded.stages) is_asked = is_asked || stage.run.device == "auto";
  if (!is_asked) return;  // the same on every rank
  const double own = tensor::num_gpus();
  const double least = world.all_reduce_scalar(own, parallel::ReduceOp::Min, "fewest GPUs");
  const double most = world.all_reduce_scalar(own, parallel::ReduceOp::Max, "most GPUs");
  if (least == 0.0 && most > 0.0)
    throw base::ConfigError(fmt::format(
        "run.device: \"auto\": some ranks may use up to {} GPUs and others none: ask for GPUs on "
        "every node of the job, or set run.device to cpu",
        most));
  const char* device = least > 0.0 ? "cuda" : "cpu";
  set_device(loaded.config, device);
  for (auto& stage : loaded.stages) set_device(stage, device);
  if (world.rank() == 0)
    base::log_info("run.device: auto: {}", least > 0.0
                                               ? fmt::format("cuda, a rank sees {} GPUs", most)
                                               : "cpu, this job has no GPU");
}

void choose_planned_device(config::Config& config) {
  if (config.run.device != "auto") return;
  const bool has_gpu = config.plan.machine == "auto"
                           ? tensor::num_gpus() > 0
                           : plan::find_machine(config.plan, "cpu").has_gpu();
  set_device(config, has_gpu ? "cuda" : "cpu");
}

}  // namespace r1::mpi
