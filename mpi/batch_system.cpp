#include "batch_system.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace r1::mpi {
namespace {

/// What a command prints, errors included.
std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "re"), ::pclose);
  std::string text;
  std::array<char, 256> line{};
  while (pipe && std::fgets(line.data(), line.size(), pipe.get()) != nullptr) text += line.data();
  return text;
}

}  // namespace

checkpoint::HolderState ask_slurm(const checkpoint::LockOwner& owner) {
  using checkpoint::HolderState;
  const bool is_number =
      !owner.job_id.empty() && std::all_of(owner.job_id.begin(), owner.job_id.end(),
                                           [](unsigned char c) { return std::isdigit(c) != 0; });
  if (!is_number || std::getenv("SLURM_JOB_ID") == nullptr) return HolderState::Unknown;
  const auto said = output_of("timeout 10 squeue -h -t all -o %T -j " + owner.job_id + " 2>&1");
  const auto says = [&](const char* word) { return said.find(word) != std::string::npos; };
  for (const char* state :
       {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"})
    if (says(state)) return HolderState::Lives;
  for (const char* state :
       {"PENDING", "CONFIGURING", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL",
        "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY", "REQUEUED", "Invalid job id"})
    if (says(state)) return HolderState::Gone;
  return HolderState::Unknown;
}

}  // namespace r1::mpi
