#pragma once
// The Communicator of a single process: every collective is a copy.
#include "parallel/communicator.h"

namespace r1::parallel {

class LocalCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  bool can_be_recorded() const override { return true; }
  Work all_reduce(at::Tensor tensor, ReduceOp op, const char* label) override;
  Work reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op, const char* label) override;
  Work all_gather(at::Tensor output, at::Tensor input, const char* label) override;
  Work broadcast(at::Tensor tensor, int root, const char* label) override;
  Work all_to_all(at::Tensor output, at::Tensor input, std::span<const std::int64_t> output_splits,
                  std::span<const std::int64_t> input_splits, const char* label) override;
  Work send(at::Tensor tensor, int peer, const char* label) override;
  Work receive(at::Tensor tensor, int peer, const char* label) override;
  void barrier(const char* label) override;
  std::unique_ptr<Communicator> split(int colour, int key) override;
  [[noreturn]] void abort(int exit_code) override;
};

}  // namespace r1::parallel
