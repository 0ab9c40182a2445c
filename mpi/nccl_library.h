#pragma once
// NCCL, and the few calls of the CUDA runtime that go with it, found at run time in the libraries
// that LibTorch's CUDA part has loaded: never a second copy of NCCL, and a program that starts on
// CPUs loads none of it. Free of NCCL's headers, so that all but one file compile without them.
//
// Reference: NCCL 2.28 user guide; nccl.h of the same version.
#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <string>

#include "base/errors.h"
#include "parallel/communicator.h"

struct ncclComm;  // of nccl.h

namespace r1::mpi {

struct NcclError : base::Error {
  explicit NcclError(const std::string& message) : Error(message, base::ExitCode::Failure) {}
};

/// What rank 0 makes and the other ranks of a communicator need to find it.
using NcclId = std::array<char, 128>;

/// Calls that may fail return NCCL's code: 0 is success. `stream` is a cudaStream_t.
class NcclLibrary {
 public:
  /// Whether this program was built with NCCL's headers (R1_CUDA).
  static bool is_built();
  /// The library of this process. The first call sets what NCCL reads from the environment, unless
  /// the user has: NCCL_NVLS_ENABLE=0 (multicast needs a fabric manager that shared machines often
  /// lack) and NCCL_LAUNCH_ORDER_IMPLICIT=1 (calls of several communicators in flight keep the
  /// order of their launches). Throws: ConfigError when the program was built without NCCL;
  /// NcclError when LibTorch's CUDA part is not loaded (tensor::open_device) or has no NCCL.
  static const NcclLibrary& instance();

  virtual ~NcclLibrary() = default;
  virtual int make_id(NcclId& id) const = 0;
  /// On the current device. Collective over the ranks that share `id`.
  virtual int init(ncclComm*& comm, int size, const NcclId& id, int rank) const = 0;
  /// Waits for the calls in flight.
  virtual int destroy(ncclComm* comm) const = 0;
  /// Ends the calls in flight.
  virtual int abort(ncclComm* comm) const = 0;
  virtual int async_error(ncclComm* comm) const = 0;
  /// "unhandled system error: <what NCCL says of its last error>".
  virtual std::string describe(int code, ncclComm* comm) const = 0;

  virtual int all_reduce(const void* input, void* output, std::size_t count, at::ScalarType dtype,
                         parallel::ReduceOp op, ncclComm* comm, void* stream) const = 0;
  /// `count` elements of `output`.
  virtual int reduce_scatter(const void* input, void* output, std::size_t count,
                             at::ScalarType dtype, parallel::ReduceOp op, ncclComm* comm,
                             void* stream) const = 0;
  /// `bytes` of `input`.
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

  /// Whether a CUDA graph records what is launched on `stream`.
  virtual bool is_capturing(void* stream) const = 0;
  /// Lets this thread query events while another one captures a graph.
  virtual void allow_queries_in_captures() const = 0;
  /// "0000:1b:00.0": where CUDA's device `index` sits in this host.
  virtual std::string bus_id(int index) const = 0;
};

}  // namespace r1::mpi
