#include "mpi/collective_errors.h"

#include <ATen/ATen.h>

#include <cstring>
#include <optional>

#include "mpi/caught_error.h"
#include "mpi/check_mpi.h"

namespace r1::mpi {
namespace {

// Length of the message first, then its bytes.
void broadcast_error(parallel::Communicator& comm, CaughtError& error, int root,
                     const char* label) {
  auto head =
      at::tensor({static_cast<std::int64_t>(error.kind), static_cast<std::int64_t>(error.exit_code),
                  static_cast<std::int64_t>(error.message.size())},
                 at::kLong);
  comm.broadcast(head, root, label).wait();
  const auto* fields = head.const_data_ptr<std::int64_t>();
  auto text = at::zeros({fields[2] + 1}, at::kByte);
  if (comm.rank() == root)
    std::memcpy(text.mutable_data_ptr(), error.message.data(), error.message.size());
  comm.broadcast(text, root, label).wait();
  error.kind = static_cast<ErrorKind>(fields[0]);
  error.exit_code = static_cast<int>(fields[1]);
  error.message.assign(static_cast<const char*>(text.const_data_ptr()),
                       static_cast<std::size_t>(fields[2]));
}

}  // namespace

void coordinate_errors(parallel::Communicator& comm, const std::function<void()>& work,
                       const char* label) {
  std::optional<CaughtError> caught;
  try {
    if (work) work();
  } catch (...) {
    caught = describe_current_exception();
  }
  auto lowest = at::full({1}, caught ? comm.rank() : comm.size(), at::kInt);
  comm.all_reduce(lowest, parallel::ReduceOp::Min, label).wait();
  const int first = lowest.item<int>();
  if (first == comm.size()) return;

  CaughtError error = caught.value_or(CaughtError{});
  if (comm.rank() == first && !error.coordinated && comm.size() > 1)
    error.message = fmt::format("rank {} ({}): {}", world_rank(), host_name(), error.message);
  broadcast_error(comm, error, first, label);
  throw_coordinated(error);
}

void first_rank_alone(parallel::Communicator& comm, const std::function<void()>& work,
                      const char* label) {
  coordinate_errors(comm, comm.rank() == 0 ? work : std::function<void()>(), label);
}

}  // namespace r1::mpi
