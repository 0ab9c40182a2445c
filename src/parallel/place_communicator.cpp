#include "parallel/place_communicator.h"

#include "base/errors.h"

namespace r1::parallel {
namespace {

[[noreturn]] void refuse(const char* label) {
  throw base::InternalError(fmt::format("{}: a place does not communicate", label));
}

}  // namespace

Work PlaceCommunicator::all_reduce(at::Tensor, ReduceOp, const char* label) {
  refuse(label);
}

Work PlaceCommunicator::reduce_scatter(at::Tensor, at::Tensor, ReduceOp, const char* label) {
  refuse(label);
}

Work PlaceCommunicator::all_gather(at::Tensor, at::Tensor, const char* label) {
  refuse(label);
}

Work PlaceCommunicator::broadcast(at::Tensor, int, const char* label) {
  refuse(label);
}

Work PlaceCommunicator::all_to_all(at::Tensor, at::Tensor, std::span<const std::int64_t>,
                                   std::span<const std::int64_t>, const char* label) {
  refuse(label);
}

Work PlaceCommunicator::send(at::Tensor, int, const char* label) {
  refuse(label);
}

Work PlaceCommunicator::receive(at::Tensor, int, const char* label) {
  refuse(label);
}

void PlaceCommunicator::barrier(const char* label) {
  refuse(label);
}

std::unique_ptr<Communicator> PlaceCommunicator::split(int, int) {
  refuse("split");
}

void PlaceCommunicator::abort(int) {
  refuse("abort");
}

}  // namespace r1::parallel
