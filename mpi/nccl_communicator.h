#pragma once
// parallel::Communicator over NCCL, on top of the MPI communicator of the same ranks. The MPI
// communicator distributes NCCL's id and carries all CPU tensors (sums of metrics are on the CPU).
//
// Calls on CUDA tensors run on a high-priority stream of the communicator. A call starts when the
// work that is now on the current stream has finished. Work::wait() makes the then current stream
// wait, never the host; Work::test() queries the device. Tensors live until then. Only barrier()
// waits on the host. Sends and receives that depend on each other must be between group_begin and
// group_end.
//
// The watchdog sees each call (call_registry.h): the clock of a call starts when the device has
// reached the call, and needs no issuing thread. Calls that a CUDA graph captures run on the
// capturing stream, allocate nothing, take no lock, and are invisible to the watchdog when the
// graph is replayed.
//
// bfloat16 is reduced in bfloat16 and rounded at each hop, whereas the MPI communicator sums
// bfloat16 in fp32. Pass fp32 tensors where this matters, as gradients do.
#include <c10/core/Stream.h>
#include <c10/util/FunctionRef.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mpi/communicator.h"
#include "mpi/nccl_flights.h"
#include "mpi/nccl_library.h"
#include "parallel/communicator.h"

namespace r1::mpi {

class NcclCommunicator final : public parallel::Communicator {
 public:
  /// `device`: the GPU of this rank; no other rank may use the same GPU. Collective over: `host`.
  /// Throws: ConfigError if built without NCCL; NcclError naming rank, host and call.
  NcclCommunicator(std::unique_ptr<MpiCommunicator> host, at::Device device);
  /// Waits for calls in flight, except while an exception unwinds.
  ~NcclCommunicator() override;

  int rank() const override { return host_->rank(); }
  int size() const override { return host_->size(); }
  const std::string& name() const { return name_; }

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
  /// group_end launches the calls of the group; waiting for a call before group_end is an error.
  void group_begin() override;
  void group_end() override;
  bool can_be_recorded() const override { return true; }
  void barrier(const char* label) override;
  /// A rank with a negative colour joins no group and gets null.
  std::unique_ptr<parallel::Communicator> split(int colour, int key) override;
  [[noreturn]] void abort(int exit_code) override;

 private:
  using Enqueue = c10::function_ref<int(void* stream)>;
  static constexpr int kNoPeer = -1;  // a collective

  void start();
  bool is_for_host(const at::Tensor& tensor) const;
  void check(const std::string& problem, const char* call, const char* label) const;
  void check_code(int code, const char* call, const char* label) const;
  void check_device(const at::Tensor& tensor, const char* call, const char* label) const;
  int exchange(const at::Tensor& output, const at::Tensor& input,
               std::span<const std::int64_t> output_splits,
               std::span<const std::int64_t> input_splits, void* stream) const;
  parallel::Work launch(const char* call, const char* label, int peer,
                        std::vector<at::Tensor> tensors, Enqueue enqueue);
  void add_launched(std::shared_ptr<NcclFlight> flight);

  const NcclLibrary& library_;
  std::unique_ptr<MpiCommunicator> host_;
  at::Device device_;
  std::string name_;
  c10::Stream stream_;
  void* stream_handle_;  // the cudaStream_t of stream_
  std::shared_ptr<NcclFlights> flights_;
  int registry_id_;
  ncclComm* comm_ = nullptr;
  at::Tensor barrier_element_;
  int group_depth_ = 0;
  std::vector<std::shared_ptr<NcclFlight>> group_;
  int num_splits_ = 0;
};

}  // namespace r1::mpi
