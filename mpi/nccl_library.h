#pragma once
// NCCL, and a few functions of the CUDA runtime, resolved at run time from the libraries that
// LibTorch's CUDA part has loaded. The process therefore never has two copies of NCCL, and a
// program on CPUs loads no NCCL. This header does not include NCCL's headers, so all but one file
// compile without NCCL.
//
// Reference: NCCL 2.28 user guide; nccl.h of the same version.
#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <string>

#include "base/errors.h"
#include "parallel/communicator.h"

struct ncclComm;  // defined in nccl.h

namespace r1::mpi {

struct NcclError : base::Error {
  explicit NcclError(const std::string& message) : Error(message, base::ExitCode::Failure) {}
};

/// The id that rank 0 makes and with which the ranks of a communicator find each other.
using NcclId = std::array<char, 128>;

/// Functions return NCCL's code; 0 is success. `stream` is a cudaStream_t.
class NcclLibrary {
 public:
  /// Whether the program was built with NCCL's headers (R1_CUDA).
  static bool is_built();
  /// The library of this process. The first call sets two environment variables of NCCL, unless the
  /// user has set them: NCCL_NVLS_ENABLE=0 (multicast needs a fabric manager, which shared machines
  /// often lack) and NCCL_LAUNCH_ORDER_IMPLICIT=1 (calls of several communicators in flight keep
  /// the order of their launches). Throws: ConfigError if the program was built without NCCL;
  /// NcclError if LibTorch's CUDA part is not loaded (tensor::open_device) or has no NCCL.
  static const NcclLibrary& instance();

  virtual ~NcclLibrary() = default;
  virtual int make_id(NcclId& id) const = 0;
  /// Initialises a communicator on the current device. Collective over the ranks that share `id`.
  virtual int init(ncclComm*& comm, int size, const NcclId& id, int rank) const = 0;
  /// Waits for the calls in flight.
  virtual int destroy(ncclComm* comm) const = 0;
  /// Ends the calls in flight.
  virtual int abort(ncclComm* comm) const = 0;
  virtual int async_error(ncclComm* comm) const = 0;
  /// Text of an error: "unhandled system error: <NCCL's last error>".
  virtual std::string describe(int code, ncclComm* comm) const = 0;

  virtual int all_reduce(const void* input, void* output, std::size_t count, at::ScalarType dtype,
                         parallel::ReduceOp op, ncclComm* comm, void* stream) const = 0;
  /// `count`: number of elements of `output`.
  virtual int reduce_scatter(const void* input, void* output, std::size_t count,
                             at::ScalarType dtype, parallel::ReduceOp op, ncclComm* comm,
                             void* stream) const = 0;
  /// `bytes`: size of `input`.
  virtual int all_gather(const void* input, void* output, std::size_t bytes, ncclComm* comm,
                         void* stream) const = 0;
  virtual int broadcast(void* data, std::size_t bytes, int root, ncclComm* comm,
                        void* stream) const = 0;
  virtual int send(const void* data, std::size_t bytes, int peer, ncclComm* comm,
                   void* stream) const = 0;
  virtual int receive(void* data, std::size_t bytes, int peer, ncclComm* comm,
                      void* stream) const = 0;
  virtual int group_start() const = 0;
  virtual int group_end() const = 0;

  /// Whether a CUDA graph captures `stream`.
  virtual bool is_capturing(void* stream) const = 0;
  /// Allows this thread to query events while another thread captures a graph.
  virtual void allow_queries_in_captures() const = 0;
  /// PCI bus id of CUDA's device `index` on this host: "0000:1b:00.0".
  virtual std::string bus_id(int index) const = 0;
};

}  // namespace r1::mpi
