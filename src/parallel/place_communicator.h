#pragma once
// A communicator that only states a rank and a size: the place of another rank. With such places a
// rank makes the outline of a model part that another rank holds.
#include "parallel/communicator.h"

namespace r1::parallel {

/// Every call throws InternalError.
class PlaceCommunicator final : public Communicator {
 public:
  PlaceCommunicator(int rank, int size) : rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
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

 private:
  int rank_, size_;
};

}  // namespace r1::parallel
