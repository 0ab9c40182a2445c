#pragma once
// parallel::Communicator over MPI. All calls are non-blocking MPI calls. A wait backs off to short
// sleeps (pending_work.h) and is visible to the watchdog (call_registry.h).
//
// Reductions give the same bits for the same layout, independent of the order of arrival: the
// algorithm of MPI's non-blocking reductions depends only on size and rank count. bfloat16 is
// reduced in fp32 and rounded once at the end. CUDA tensors are staged through (pinned) host
// memory, and the call waits for the device.
#include <mpi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mpi/call_registry.h"
#include "mpi/check_mpi.h"
#include "mpi/traffic.h"
#include "parallel/communicator.h"

namespace r1::mpi {

class PendingWork;

class MpiCommunicator final : public parallel::Communicator {
 public:
  /// Duplicates `parent`. `name` must be equal on all ranks; the watchdog prints the name and
  /// compares sequence numbers under the name. Patience::Role is for groups whose ranks wait for
  /// the work of other roles (world). Collective over: parent.
  MpiCommunicator(MPI_Comm parent, std::string name, Patience patience = Patience::Collective);
  ~MpiCommunicator() override;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  const std::string& name() const { return name_; }
  MPI_Comm handle() const { return comm_.get(); }
  Patience patience() const { return patience_; }
  /// World rank of each rank of this communicator.
  const std::vector<int>& world_ranks() const { return world_ranks_; }

  parallel::Work all_reduce(at::Tensor tensor, parallel::ReduceOp op, const char* label) override;
  parallel::Work reduce_scatter(at::Tensor output, at::Tensor input, parallel::ReduceOp op,
                                const char* label) override;
  parallel::Work all_gather(at::Tensor output, at::Tensor input, const char* label) override;
  parallel::Work broadcast(at::Tensor tensor, int root, const char* label) override;
  parallel::Work all_to_all(at::Tensor output, at::Tensor input,
                            std::span<const std::int64_t> output_splits,
                            std::span<const std::int64_t> input_splits, const char* label) override;
  parallel::Work send(at::Tensor tensor, int peer, const char* label) override;
  parallel::Work receive(at::Tensor tensor, int peer, const char* label) override;
  void barrier(const char* label) override;
  /// A rank with a negative colour joins no group and gets null.
  std::unique_ptr<parallel::Communicator> split(int colour, int key) override;
  /// The communicator of some of these ranks, ordered as `ranks` (ranks of this communicator).
  /// Collective over: `ranks`; the other ranks of this communicator do not call.
  std::unique_ptr<MpiCommunicator> among(const std::vector<int>& ranks, const std::string& name,
                                         Patience patience);
  /// As split(), with a name and a patience for the new communicators.
  std::unique_ptr<MpiCommunicator> split(int colour, int key, const std::string& name,
                                         Patience patience);
  [[noreturn]] void abort(int exit_code) override;

 private:
  MpiCommunicator(CommHandle comm, std::string name, Patience patience);
  std::unique_ptr<PendingWork> start_collective(const char* call, const char* label,
                                                Traffic traffic);
  std::unique_ptr<PendingWork> start_transfer(const char* call, const char* label, int peer,
                                              const at::Tensor& host);
  /// Returns the tensor itself if it is on the CPU, else a copy in pinned host memory.
  at::Tensor host_copy(const at::Tensor& tensor) const;
  /// Returns memory for a result: the tensor itself, or host memory that is copied back on
  /// completion.
  at::Tensor host_target(const at::Tensor& tensor) const;
  [[noreturn]] void fail(const char* call, const char* label, const std::string& problem) const;
  /// Throws: MpiError naming rank, host, call, label and the problem, unless `problem` is empty.
  void check(const std::string& problem, const char* call, const char* label) const {
    if (!problem.empty()) fail(call, label, problem);
  }

  CommHandle comm_;
  std::string name_;
  Patience patience_;
  int rank_ = 0;
  int size_ = 1;
  int registry_id_ = -1;
  int num_splits_ = 0;
  std::vector<int> world_ranks_;
};

}  // namespace r1::mpi
