#pragma once
// Decides in one place which library carries a communicator: NCCL or MPI ([communication] backend).
#include <c10/core/Device.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpi/communicator.h"

namespace r1::mpi {

/// Where the GPU of a rank is. `node` tells hosts apart that have the same name.
struct GpuPlace {
  std::string host;
  std::string node;
  std::string bus_id;
};

/// The first two of `ranks` (world ranks, indices of `places`) that compute on one GPU.
std::optional<std::pair<int, int>> ranks_on_one_gpu(const std::vector<GpuPlace>& places,
                                                    const std::vector<int>& ranks);

/// "auto": NCCL where every rank of a communicator has a GPU of its own, else MPI. "nccl": NCCL or
/// an error, also for communicators of one rank. "mpi".
struct BackendRequest {
  std::string backend = "mpi";
  c10::Device device = c10::kCPU;
};

class CommunicationBackend {
 public:
  /// Learns where the GPUs of all ranks are. Collective over: world.
  CommunicationBackend(MpiCommunicator& world, BackendRequest request);

  /// Throws: ConfigError naming two ranks, host and GPU, when NCCL was asked for and cannot be had
  /// for a communicator of `ranks`. `name` is for the message.
  void require(const std::string& name, const std::vector<int>& ranks) const;
  /// Whether groups of one rank are made too; else they are local.
  bool joins_single_ranks() const { return request_.backend == "nccl"; }
  /// Whether a communicator of these world ranks is NCCL's.
  bool is_nccl(const std::vector<int>& ranks) const;
  /// `group` itself, or NCCL's communicator on it. Collective over: group.
  std::unique_ptr<parallel::Communicator> build(std::unique_ptr<MpiCommunicator> group) const;

 private:
  BackendRequest request_;
  std::vector<GpuPlace> places_;  // by world rank; empty: MPI alone
};

}  // namespace r1::mpi
