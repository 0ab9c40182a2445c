#include "plan/options.h"

#include <fmt/format.h>

#include <utility>

#include "base/ranges.h"

namespace r1::plan {

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
    "time of a layer in a decode step besides reading and multiplying: its small kernels; "
    "microseconds");
  v("train_layer_us", train_layer_us,
    "time in which the host issues the forward and backward pass of a layer: a micro-batch takes "
    "at "
    "least this; microseconds");
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
  v("host_update_gb_per_second", host_update_gb_per_second,
    "at which a rank's cores update optimizer state in host memory, reads and writes together, 1e9 "
    "bytes/s");
  v("start_seconds", start_seconds,
    "from the launcher to the first collective: libraries, device, seconds");
  v("node_files_gb_per_second", node_files_gb_per_second,
    "between a node and the parallel file system, 1e9 bytes/s");
  v("all_files_gb_per_second", all_files_gb_per_second,
    "between all nodes together and the parallel file system, 1e9 bytes/s");
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
  above("host_update_gb_per_second", host_update_gb_per_second);
  above("node_files_gb_per_second", node_files_gb_per_second);
  above("all_files_gb_per_second", all_files_gb_per_second);
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
                                   {"train_layer_us", train_layer_us},
                                   {"start_seconds", start_seconds},
                                   {"link_latency_us", link_latency_us},
                                   {"network_latency_us", network_latency_us}})
    base::require_at_least(problems, key, value, 0.0);
}

void PlanOptions::visit(base::OptionVisitor& v) {
  v("machine", machine,
    "machine to plan for: a name in configs/machines or a TOML file; auto: H100 for device cuda, "
    "cpu else");
  v("gpus_per_node", gpus_per_node, "ranks of a node");
  v("memory_gb", memory_gb, "memory of a rank's device, 1e9 bytes; 0: the machine's");
  v("train_efficiency", train_efficiency,
    "share of the matmul rate in training and scoring; 0: the machine's");
  v("generate_efficiency", generate_efficiency,
    "share of memory bandwidth in decoding; 0: the machine's");
  v("world_size", world_size, "ranks; 0: those it is started with, or --ranks");
  v("mean_prompt_tokens", mean_prompt_tokens, "mean length of a prompt");
  v("mean_completion_tokens", mean_completion_tokens,
    "mean length of a completion; 0: max_new_tokens");
  v("records", records,
    "records of a supervised stage, which with its epochs make its steps; 0: not known");
}

void PlanOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".gpus_per_node", gpus_per_node, 0);
  base::require_at_least(problems, key + ".memory_gb", memory_gb, 0);
  problems.require(train_efficiency >= 0.0 && train_efficiency <= 1.0, key + ".train_efficiency",
                   "expected in [0, 1] (0: the machine's)");
  problems.require(generate_efficiency >= 0.0 && generate_efficiency <= 1.0,
                   key + ".generate_efficiency", "expected in [0, 1] (0: the machine's)");
  base::require_at_least(problems, key + ".world_size", world_size, 0);
  base::require_above(problems, key + ".mean_prompt_tokens", mean_prompt_tokens, 0);
  base::require_at_least(problems, key + ".mean_completion_tokens", mean_completion_tokens, 0);
  base::require_at_least(problems, key + ".records", records, 0);
}

}  // namespace r1::plan
