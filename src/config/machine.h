#pragma once
// A machine to plan for: one device, its links, and the share of them that a run reaches. The files
// of configs/machines are part of the program under their names; any other file of the same form
// can be named by its path.
#include <string>
#include <vector>

#include "config/options.h"

namespace r1::config {

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
  double link_gb_per_second = 0.0;
  double link_latency_us = 0.0;
  double network_gb_per_second = 0.0;
  double network_latency_us = 0.0;
  double communication_efficiency = 0.0;
  double overlap = 0.0;
  double host_link_gb_per_second = 0.0;

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

/// Names that the program knows, sorted.
std::vector<std::string> machine_names();

/// The machine of [plan] for this device, with what [plan] says of memory and efficiencies.
/// Throws: ConfigError for a name that is neither known nor a file, or a file with problems.
Machine find_machine(const PlanOptions& plan, const std::string& device);

}  // namespace r1::config
