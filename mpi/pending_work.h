#pragma once
// An MPI operation in flight: requests, the memory they use, and what to do when they are done.
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
  /// Leaves memory alive that MPI may still use.
  ~PendingWork() override;

  /// A fresh request to pass to MPI.
  MPI_Request* add_request();
  /// Memory that must live until the operation is done.
  void keep(at::Tensor buffer) { buffers_.push_back(std::move(buffer)); }
  /// A datatype that must live as long.
  void keep(std::shared_ptr<const RowType> type) { type_ = std::move(type); }
  /// Runs once after completion (copies staged results back).
  void on_done(std::function<void()> finish) { finish_ = std::move(finish); }
  /// The sum of received bytes must be this. Throws from wait()/test(): MpiError.
  void expect_bytes(std::int64_t bytes) { expected_bytes_ = bytes; }

  /// Returns at once, leaving the operation and its memory alone, while an exception unwinds: the
  /// other ranks may never join it.
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
