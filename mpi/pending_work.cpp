#include "mpi/pending_work.h"

#include <exception>

#include "base/errors.h"
#include "mpi/back_off.h"
#include "mpi/check_mpi.h"
#include "mpi/row_type.h"

namespace r1::mpi {

PendingWork::PendingWork(PendingCall call)
    : call_(std::move(call)), unwinding_at_start_(std::uncaught_exceptions()) {}

PendingWork::~PendingWork() {
  if (!finished_ && !requests_.empty()) abandon();
}

MPI_Request* PendingWork::add_request() {
  requests_.push_back(MPI_REQUEST_NULL);
  return &requests_.back();
}

bool PendingWork::test_requests() {
  for (; num_done_ < requests_.size(); ++num_done_) {
    int done = 0;
    MPI_Status status;
    check_mpi(MPI_Test(&requests_[num_done_], &done, &status), call_.call, call_.label.c_str());
    if (done == 0) return false;
    if (expected_bytes_ >= 0) {
      MPI_Count bytes = 0;
      check_mpi(MPI_Get_elements_x(&status, MPI_BYTE, &bytes), "MPI_Get_elements_x",
                call_.label.c_str());
      received_bytes_ += bytes;
    }
  }
  return true;
}

void PendingWork::finish() {
  finished_ = true;
  if (expected_bytes_ >= 0 && received_bytes_ != expected_bytes_)
    throw base::MpiError(fmt::format("rank {} ({}): {}: expected {} bytes, received {}",
                                     world_rank(), host_name(), describe_call(call_),
                                     expected_bytes_, received_bytes_));
  if (finish_) finish_();
  buffers_.clear();
}

bool PendingWork::test() {
  if (finished_) return true;
  if (!test_requests()) return false;
  finish();
  return true;
}

void PendingWork::wait() {
  if (finished_) return;
  if (std::uncaught_exceptions() > unwinding_at_start_) return abandon();
  BackOff back_off;
  while (!back_off.sleeps()) {
    if (test()) return;
    back_off.pause();
  }
  const CallRegistry::Waiting waiting(CallRegistry::instance(), call_);
  while (!test()) back_off.pause();
}

void PendingWork::abandon() {
  // MPI may still use them.
  new std::vector<at::Tensor>(std::move(buffers_));
  new std::shared_ptr<const RowType>(std::move(type_));
  finished_ = true;
}

}  // namespace r1::mpi
