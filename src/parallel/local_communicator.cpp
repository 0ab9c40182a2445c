#include "parallel/local_communicator.h"

#include <ATen/ATen.h>

#include <cstdlib>

#include "base/errors.h"
#include "parallel/model_axes.h"

namespace r1::parallel {

Communicator& alone() {
  static LocalCommunicator communicator;
  return communicator;
}

double Communicator::all_reduce_scalar(double value, ReduceOp op, const char* label) {
  auto tensor = at::full({1}, value, at::kDouble);
  all_reduce(tensor, op, label).wait();
  return tensor.item<double>();
}

Work LocalCommunicator::all_reduce(at::Tensor, ReduceOp, const char*) {
  return {};
}

Work LocalCommunicator::reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp, const char*) {
  output.copy_(input);
  return {};
}

Work LocalCommunicator::all_gather(at::Tensor output, at::Tensor input, const char*) {
  output.copy_(input);
  return {};
}

Work LocalCommunicator::broadcast(at::Tensor, int, const char*) {
  return {};
}

Work LocalCommunicator::all_to_all(at::Tensor output, at::Tensor input,
                                   std::span<const std::int64_t>, std::span<const std::int64_t>,
                                   const char*) {
  output.copy_(input);
  return {};
}

Work LocalCommunicator::send(at::Tensor, int, const char* label) {
  throw base::InternalError(fmt::format("{}: send in a communicator of one rank", label));
}

Work LocalCommunicator::receive(at::Tensor, int, const char* label) {
  throw base::InternalError(fmt::format("{}: receive in a communicator of one rank", label));
}

void LocalCommunicator::barrier(const char*) {}

std::unique_ptr<Communicator> LocalCommunicator::split(int, int) {
  return std::make_unique<LocalCommunicator>();
}

void LocalCommunicator::abort(int exit_code) {
  std::_Exit(exit_code);
}

}  // namespace r1::parallel
