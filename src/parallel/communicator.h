#pragma once
// The communication interface of the algorithms: collectives over one axis or role. src/ has an
// implementation for one process (local_communicator.h); mpi/ has implementations by MPI and NCCL.
//
// Rules: all ranks of a communicator make the same calls in the same order from one thread. Every
// call has a label (a string literal), which error messages and the watchdog print. Tensors must be
// contiguous.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace r1::parallel {

enum class ReduceOp { Sum, Max, Min };

/// An operation in flight. wait() returns when the result may be read; the destructor also waits.
class Work {
 public:
  class State {
   public:
    virtual ~State() = default;
    virtual void wait() = 0;
    virtual bool test() = 0;  // advances the operation; true: complete
  };
  Work() = default;  // already complete
  explicit Work(std::unique_ptr<State> state) : state_(std::move(state)) {}
  Work(Work&&) = default;
  Work& operator=(Work&& other) {
    wait();
    state_ = std::move(other.state_);
    return *this;
  }
  ~Work() noexcept(false) { wait(); }
  void wait() {
    if (auto state = std::move(state_)) state->wait();
  }
  bool test() {
    if (state_ && state_->test()) state_.reset();
    return state_ == nullptr;
  }

 private:
  std::unique_ptr<State> state_;
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Reduces in place. dtypes: double, float, bfloat16, int32, int64, uint8.
  virtual Work all_reduce(at::Tensor tensor, ReduceOp op, const char* label) = 0;
  /// `input` consists of size() equal pieces along dim 0. `output` receives this rank's reduced
  /// piece.
  virtual Work reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op,
                              const char* label) = 0;
  /// `output` consists of size() pieces along dim 0; piece r is the input of rank r.
  virtual Work all_gather(at::Tensor output, at::Tensor input, const char* label) = 0;
  virtual Work broadcast(at::Tensor tensor, int root, const char* label) = 0;
  /// Sends and receives rows (dim 0). The splits are the numbers of rows per peer.
  virtual Work all_to_all(at::Tensor output, at::Tensor input,
                          std::span<const std::int64_t> output_splits,
                          std::span<const std::int64_t> input_splits, const char* label) = 0;
  virtual Work send(at::Tensor tensor, int peer, const char* label) = 0;
  virtual Work receive(at::Tensor tensor, int peer, const char* label) = 0;
  /// Calls between group_begin() and group_end() are launched together; NCCL requires this for
  /// pairs of send and receive.
  virtual void group_begin() {}
  virtual void group_end() {}
  /// Whether a CUDA graph can record the calls on CUDA tensors.
  virtual bool can_be_recorded() const { return false; }
  virtual void barrier(const char* label) = 0;
  /// The ranks of one colour form a new communicator, ordered by key. Collective over: this
  /// communicator.
  virtual std::unique_ptr<Communicator> split(int colour, int key) = 0;
  /// Ends the job on all ranks and does not return.
  [[noreturn]] virtual void abort(int exit_code) = 0;

  /// Reduces one double over all ranks.
  double all_reduce_scalar(double value, ReduceOp op, const char* label);
};

}  // namespace r1::parallel
