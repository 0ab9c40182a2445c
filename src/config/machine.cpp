#include "config/machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/ranges.h"
#include "config/machine_files.h"
#include "config/suggestion.h"
#include "config/toml_reader.h"

namespace r1::config {
namespace {

/// Reads and checks; every problem of the file in one error.
Machine read_machine(const TomlDocument& document, std::vector<LocatedProblem> problems) {
  Machine machine;
  TomlReader(document, problems, {}).read(machine);
  base::Problems found;
  machine.check("", found);
  if (problems.empty())
    for (const base::Problem& problem : found.list())
      problems.push_back({document.origin_of(problem.key), problem.key, problem.message});
  std::string text;
  for (const LocatedProblem& problem : problems)
    text += (text.empty() ? "" : "\n") + problem.text();
  if (!text.empty()) throw base::ConfigError(text);
  return machine;
}

Machine load_machine(const std::string& name) {
  std::vector<LocatedProblem> problems;
  for (const auto& [known, text] : kMachineFiles)
    if (name == known) {
      const TomlDocument document = parse_toml_text(text, name + ".toml", problems);
      return read_machine(document, problems);
    }
  if (!std::filesystem::is_regular_file(name)) {
    const auto nearest = nearest_name(name, machine_names());
    throw base::ConfigError(
        fmt::format("plan.machine: expected auto, {} or a TOML file, found \"{}\"{}",
                    fmt::join(machine_names(), ", "), name,
                    nearest.empty() ? std::string() : fmt::format(" (did you mean {}?)", nearest)));
  }
  const TomlDocument document = parse_toml_file(name, problems);
  return read_machine(document, problems);
}

}  // namespace

void Machine::visit(base::OptionVisitor& v) {
  v.choice("device", device, {"cuda", "cpu"}, "what a rank computes on");
  v("memory_gb", memory_gb, "memory of a rank's device, 1e9 bytes");
  v("host_memory_gb", host_memory_gb,
    "host memory of a rank: the node's, divided by its ranks, 1e9 bytes (device cpu: memory_gb)");
  v("program_gb", program_gb,
    "device memory of a started rank without a model: context and libraries (device cpu: the "
    "program), 1e9 bytes");
  v("host_program_gb", host_program_gb, "host memory of a started rank on a GPU, 1e9 bytes");
  v("matmul_tflops", matmul_tflops, "rate of large bf16 matrix products, 1e12 operations/s");
  v("matmul_tflops_fp32", matmul_tflops_fp32, "the same of fp32");
  v("memory_tb_per_second", memory_tb_per_second, "memory bandwidth, 1e12 bytes/s");
  v("train_efficiency", train_efficiency, "share of the matmul rate in training and scoring");
  v("generate_efficiency", generate_efficiency,
    "share of memory bandwidth and of the matmul rate in decoding");
  v("decode_layer_us", decode_layer_us,
    "least time of a layer in a decode step: launches, small kernels; microseconds");
  v("link_gb_per_second", link_gb_per_second,
    "between ranks of a node, per rank and direction, 1e9 bytes/s");
  v("link_latency_us", link_latency_us, "start of a message inside a node, microseconds");
  v("network_gb_per_second", network_gb_per_second,
    "between nodes, per rank and direction, 1e9 bytes/s");
  v("network_latency_us", network_latency_us, "start of a message between nodes, microseconds");
  v("communication_efficiency", communication_efficiency, "share of link speeds in collectives");
  v("overlap", overlap,
    "share of the last backward pass behind which gradient reductions can hide");
  v("host_link_gb_per_second", host_link_gb_per_second,
    "between a rank's device and its host's memory (offload, checkpoints), 1e9 bytes/s");
}

void Machine::check(const std::string& /*key*/, base::Problems& problems) const {
  const auto above = [&](const char* key, double value) {
    base::require_above(problems, key, value, 0.0);
  };
  above("memory_gb", memory_gb);
  above("matmul_tflops", matmul_tflops);
  above("matmul_tflops_fp32", matmul_tflops_fp32);
  above("memory_tb_per_second", memory_tb_per_second);
  above("link_gb_per_second", link_gb_per_second);
  above("network_gb_per_second", network_gb_per_second);
  above("host_link_gb_per_second", host_link_gb_per_second);
  if (has_gpu()) above("host_memory_gb", host_memory_gb);
  const auto share = [&](const char* key, double value) {
    problems.require(value > 0.0 && value <= 1.0, key,
                     fmt::format("expected in (0, 1], found {}", value));
  };
  share("train_efficiency", train_efficiency);
  share("generate_efficiency", generate_efficiency);
  share("communication_efficiency", communication_efficiency);
  problems.require(overlap >= 0.0 && overlap <= 1.0, "overlap", "expected in [0, 1]");
  for (const auto& [key, value] : {std::pair<const char*, double>{"program_gb", program_gb},
                                   {"host_program_gb", host_program_gb},
                                   {"decode_layer_us", decode_layer_us},
                                   {"link_latency_us", link_latency_us},
                                   {"network_latency_us", network_latency_us}})
    base::require_at_least(problems, key, value, 0.0);
}

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  for (const auto& file : kMachineFiles) names.emplace_back(file.first);
  std::sort(names.begin(), names.end());
  return names;
}

Machine find_machine(const PlanOptions& plan, const std::string& device) {
  const std::string automatic = device == "cuda" ? "H100" : "cpu";
  const std::string& name = plan.machine == "auto" ? automatic : plan.machine;
  Machine machine = load_machine(name);
  machine.name = std::filesystem::path(name).stem().string();
  if (plan.memory_gb > 0.0) machine.memory_gb = plan.memory_gb;
  if (plan.train_efficiency > 0.0) machine.train_efficiency = plan.train_efficiency;
  if (plan.generate_efficiency > 0.0) machine.generate_efficiency = plan.generate_efficiency;
  return machine;
}

}  // namespace r1::config
