#pragma once
// An MPI operation in flight: its requests, its memory, and its completion handler.
#include <ATen/core/Tensor.h>
#include <mpi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "mpi/call_registry.h"
#include "parallel/communicator.h"

namespace r1::mpi {

class RowType;

class PendingWork final : public parallel::Work::State {
 public:
  explicit PendingWork(PendingCall call);
  /// Keeps memory alive that MPI may still use.
  ~PendingWork() override;

  /// Returns a new request to pass to MPI.
  MPI_Request* add_request();
  /// Keeps memory alive until the operation is complete.
  void keep(at::Tensor buffer) { buffers_.push_back(std::move(buffer)); }
  /// Keeps a datatype alive until the operation is complete.
  void keep(std::shared_ptr<const RowType> type) { type_ = std::move(type); }
  /// Runs once after completion (copies staged results back).
  void on_done(std::function<void()> finish) { finish_ = std::move(finish); }
  /// Sets the expected number of received bytes. wait() and test() throw MpiError if the number
  /// differs.
  void expect_bytes(std::int64_t bytes) { expected_bytes_ = bytes; }

  /// Waits for completion. While an exception unwinds, wait() returns at once and leaves the
  /// operation and its memory alone, because other ranks may never take part.
  void wait() override;
  bool test() override;

 private:
  bool test_requests();
  void finish();
  void abandon();

  PendingCall call_;
  std::vector<MPI_Request> requests_;
  std::vector<at::Tensor> buffers_;
  std::shared_ptr<const RowType> type_;
  std::function<void()> finish_;
  std::int64_t expected_bytes_ = -1;
  std::int64_t received_bytes_ = 0;
  std::size_t num_done_ = 0;
  bool finished_ = false;
  int unwinding_at_start_;
};

}  // namespace r1::mpi
