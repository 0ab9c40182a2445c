#pragma once
// Options of `plan`: the section [plan] of a configuration, and what a file of configs/machines
// says of a machine.
#include <cstdint>
#include <string>

#include "base/errors.h"
#include "base/options.h"

namespace r1::plan {

/// A rank's device and host. Rates are those of one rank and one direction; configs/machines says
/// where each number comes from.
struct Machine {
  std::string name;
  std::string device = "cuda";
  double memory_gb = 0.0;
  double host_memory_gb = 0.0;
  double program_gb = 0.0;
  double host_program_gb = 0.0;
  double matmul_tflops = 0.0;
  double matmul_tflops_fp32 = 0.0;
  double memory_tb_per_second = 0.0;
  double train_efficiency = 0.0;
  double generate_efficiency = 0.0;
  double decode_layer_us = 0.0;
  double train_layer_us = 0.0;
  double link_gb_per_second = 0.0;
  double link_latency_us = 0.0;
  double network_gb_per_second = 0.0;
  double network_latency_us = 0.0;
  double communication_efficiency = 0.0;
  double overlap = 0.0;
  double host_link_gb_per_second = 0.0;
  double host_update_gb_per_second = 0.0;
  double start_seconds = 0.0;
  double node_files_gb_per_second = 0.0;
  double all_files_gb_per_second = 0.0;

  bool has_gpu() const { return device == "cuda"; }
  double memory() const { return memory_gb * 1e9; }
  double host_memory() const { return host_memory_gb * 1e9; }
  /// Operations a second in a dtype, before efficiency.
  double flops(const std::string& dtype) const {
    return 1e12 * (dtype == "fp32" || dtype == "fp64" ? matmul_tflops_fp32 : matmul_tflops);
  }
  double bandwidth() const { return memory_tb_per_second * 1e12; }

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [plan]: the machine that memory and time are estimated for.
struct PlanOptions {
  std::string machine = "auto";
  std::int64_t gpus_per_node = 8;
  double memory_gb = 0.0;
  double train_efficiency = 0.0;
  double generate_efficiency = 0.0;
  std::int64_t world_size = 0;
  std::int64_t mean_prompt_tokens = 256;
  std::int64_t mean_completion_tokens = 0;
  std::int64_t records = 0;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

}  // namespace r1::plan
