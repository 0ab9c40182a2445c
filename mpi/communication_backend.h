#pragma once
// Selects the library of each communicator: NCCL or MPI ([communication] backend).
#include <c10/core/Device.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpi/communicator.h"

namespace r1::mpi {

/// The GPU of a rank. `node` distinguishes hosts with equal names.
struct GpuPlace {
  std::string host;
  std::string node;
  std::string bus_id;
};

/// The first two of `ranks` (world ranks, indices of `places`) that use the same GPU.
std::optional<std::pair<int, int>> ranks_on_one_gpu(const std::vector<GpuPlace>& places,
                                                    const std::vector<int>& ranks);

/// "auto": NCCL if every rank of a communicator has a GPU of its own, else MPI. "nccl": NCCL or an
/// error, also for communicators of one rank. "mpi": always MPI.
struct BackendRequest {
  std::string backend = "mpi";
  c10::Device device = c10::kCPU;
};

class CommunicationBackend {
 public:
  /// Collects the places of all ranks' GPUs. Collective over: world.
  CommunicationBackend(MpiCommunicator& world, BackendRequest request);

  /// Throws: ConfigError naming two ranks, host and GPU, if NCCL is requested but not possible for
  /// a communicator of `ranks`. `name`: the communicator's name in the message.
  void require(const std::string& name, const std::vector<int>& ranks) const;
  /// Whether NCCL communicators of one rank are made too; otherwise groups of one rank are local.
  bool joins_single_ranks() const { return request_.backend == "nccl"; }
  /// The device of the request.
  c10::Device device() const { return request_.device; }
  /// Whether a communicator of these world ranks uses NCCL.
  bool is_nccl(const std::vector<int>& ranks) const;
  /// Returns `group`, or an NCCL communicator on top of `group`. Collective over: group.
  std::unique_ptr<parallel::Communicator> build(std::unique_ptr<MpiCommunicator> group) const;

 private:
  BackendRequest request_;
  std::vector<GpuPlace> places_;  // by world rank; empty: MPI only
};

}  // namespace r1::mpi
