#include "mpi/communicator.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "base/errors.h"
#include "mpi/call_arguments.h"
#include "mpi/last_resort.h"
#include "mpi/pending_work.h"
#include "mpi/row_type.h"

namespace r1::mpi {
namespace {

using parallel::ReduceOp;
using parallel::Work;

MPI_Datatype reduction_type(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kFloat:
      return MPI_FLOAT;
    case at::kInt:
      return MPI_INT32_T;
    case at::kLong:
      return MPI_INT64_T;
    case at::kByte:
      return MPI_UINT8_T;
    default:
      return MPI_DATATYPE_NULL;  // refused before (reduction_problem); bfloat16 is fp32 by now
  }
}

MPI_Op mpi_op(ReduceOp op) {
  switch (op) {
    case ReduceOp::Sum:
      return MPI_SUM;
    case ReduceOp::Max:
      return MPI_MAX;
    case ReduceOp::Min:
      return MPI_MIN;
  }
  return MPI_OP_NULL;
}

std::int64_t num_bytes(const at::Tensor& tensor) {
  return static_cast<std::int64_t>(tensor.nbytes());
}

std::byte* bytes_of(const at::Tensor& tensor) {
  return static_cast<std::byte*>(tensor.mutable_data_ptr());
}

/// Calls move(first byte, number of bytes) for each part of the tensor that one MPI call may carry.
template <class Move>
void for_each_part(const at::Tensor& host, Move move) {
  const auto bytes = num_bytes(host);
  for (std::int64_t begin = 0; begin < bytes; begin += kMaxCount)
    move(bytes_of(host) + begin, static_cast<int>(std::min(kMaxCount, bytes - begin)));
}

// Counts and displacements of MPI_Ialltoallv, in rows.
struct Splits {
  std::vector<int> counts;
  std::vector<int> offsets;
};

Splits to_int(std::span<const std::int64_t> splits) {
  Splits result;
  std::int64_t offset = 0;
  for (const auto count : splits) {
    result.counts.push_back(static_cast<int>(count));
    result.offsets.push_back(static_cast<int>(offset));
    offset += count;
  }
  return result;
}

/// Of an all-to-all: rows to and from each other rank.
Traffic traffic_between(int rank, const std::vector<int>& to, const std::vector<int>& from,
                        std::int64_t row_bytes) {
  Traffic traffic;
  for (std::size_t peer = 0; peer < to.size(); ++peer) {
    if (static_cast<int>(peer) == rank) continue;
    traffic.messages += (to[peer] > 0) + (from[peer] > 0);
    traffic.bytes += (static_cast<std::int64_t>(to[peer]) + from[peer]) * row_bytes;
  }
  return traffic;
}

Work finish_into(std::unique_ptr<PendingWork> work, const at::Tensor& target,
                 const at::Tensor& host) {
  work->keep(host);
  if (!target.is_same(host)) work->on_done([target, host] { target.copy_(host); });
  return Work(std::move(work));
}

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm parent, std::string name, Patience patience)
    : MpiCommunicator(CommHandle::duplicate(parent, name.c_str()), name, patience) {}

MpiCommunicator::MpiCommunicator(CommHandle comm, std::string name, Patience patience)
    : comm_(std::move(comm)), name_(std::move(name)), patience_(patience) {
  check_mpi(MPI_Comm_rank(comm_.get(), &rank_), "MPI_Comm_rank", name_.c_str());
  check_mpi(MPI_Comm_size(comm_.get(), &size_), "MPI_Comm_size", name_.c_str());
  MPI_Group world_group = MPI_GROUP_NULL;
  MPI_Group group = MPI_GROUP_NULL;
  check_mpi(MPI_Comm_group(MPI_COMM_WORLD, &world_group), "MPI_Comm_group", name_.c_str());
  check_mpi(MPI_Comm_group(comm_.get(), &group), "MPI_Comm_group", name_.c_str());
  std::vector<int> own(static_cast<std::size_t>(size_));
  std::iota(own.begin(), own.end(), 0);
  world_ranks_.resize(own.size());
  const int code =
      MPI_Group_translate_ranks(group, size_, own.data(), world_group, world_ranks_.data());
  MPI_Group_free(&group);
  MPI_Group_free(&world_group);
  check_mpi(code, "MPI_Group_translate_ranks", name_.c_str());
  registry_id_ = CallRegistry::instance().open_communicator(name_);
}

MpiCommunicator::~MpiCommunicator() {
  CallRegistry::instance().close_communicator(registry_id_);
}

std::unique_ptr<PendingWork> MpiCommunicator::start_collective(const char* call, const char* label,
                                                               Traffic traffic) {
  if (size_ > 1) TrafficCounter::instance().add(traffic);
  const auto sequence = CallRegistry::instance().issue(registry_id_, call, label);
  return std::make_unique<PendingWork>(
      PendingCall{call, label, name_, sequence, -1, patience_, 0.0});
}

std::unique_ptr<PendingWork> MpiCommunicator::start_transfer(const char* call, const char* label,
                                                             int peer, const at::Tensor& host) {
  if (peer != rank_) TrafficCounter::instance().add({1, num_bytes(host)});
  return std::make_unique<PendingWork>(PendingCall{
      call, label, name_, 0, world_ranks_[static_cast<std::size_t>(peer)], patience_, 0.0});
}

void MpiCommunicator::fail(const char* call, const char* label, const std::string& problem) const {
  throw base::MpiError(fmt::format("rank {} ({}): {} '{}' on communicator {}: {}", world_rank(),
                                   host_name(), call, label, name_, problem));
}

at::Tensor MpiCommunicator::host_target(const at::Tensor& tensor) const {
  if (tensor.is_cpu()) return tensor;
  return at::empty(tensor.sizes(), tensor.options().device(at::kCPU).pinned_memory(true));
}

at::Tensor MpiCommunicator::host_copy(const at::Tensor& tensor) const {
  const auto host = host_target(tensor);
  if (!tensor.is_same(host)) host.copy_(tensor);
  return host;
}

Work MpiCommunicator::all_reduce(at::Tensor tensor, ReduceOp op, const char* label) {
  constexpr auto kCall = "MPI_Iallreduce";
  check(tensor_problem(tensor), kCall, label);
  check(reduction_problem(tensor.scalar_type()), kCall, label);
  auto host = host_copy(tensor);
  if (host.scalar_type() == at::kBFloat16) host = host.to(at::kFloat);
  const auto type = reduction_type(host.scalar_type());
  auto work = start_collective(kCall, label, {1, 2 * num_bytes(host)});
  for (std::int64_t begin = 0; begin < host.numel(); begin += kMaxCount) {
    const auto count = std::min(kMaxCount, host.numel() - begin);
    auto* data = bytes_of(host) + begin * host.element_size();
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, data, static_cast<int>(count), type, mpi_op(op),
                             comm_.get(), work->add_request()),
              kCall, label);
  }
  return finish_into(std::move(work), tensor, host);
}

Work MpiCommunicator::reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op,
                                     const char* label) {
  constexpr auto kCall = "MPI_Ireduce_scatter_block";
  check(pieces_problem(input, output, size_), kCall, label);
  check(reduction_problem(input.scalar_type()), kCall, label);
  if (!RowType::fits(output.numel()))
    fail(kCall, label, fmt::format("{} elements per rank exceed 2^31 - 1", output.numel()));
  auto source = host_copy(input);
  auto host = host_target(output);
  if (source.scalar_type() == at::kBFloat16) {
    source = source.to(at::kFloat);
    host = at::empty(host.sizes(), host.options().dtype(at::kFloat).pinned_memory(false));
  }
  const auto type = reduction_type(source.scalar_type());
  auto work = start_collective(kCall, label, {1, num_bytes(source) + num_bytes(host)});
  work->keep(source);
  if (output.numel() > 0)
    check_mpi(MPI_Ireduce_scatter_block(source.const_data_ptr(), host.mutable_data_ptr(),
                                        static_cast<int>(output.numel()), type, mpi_op(op),
                                        comm_.get(), work->add_request()),
              kCall, label);
  return finish_into(std::move(work), output, host);
}

Work MpiCommunicator::all_gather(at::Tensor output, at::Tensor input, const char* label) {
  constexpr auto kCall = "MPI_Iallgather";
  check(pieces_problem(output, input, size_), kCall, label);
  const auto rows = num_rows(input);
  if (!RowType::fits(rows) || !RowType::fits(row_bytes(input)))
    fail(kCall, label, "more than 2^31 - 1 rows, or bytes in a row");
  const auto source = host_copy(input);
  const auto host = host_target(output);
  auto work = start_collective(kCall, label, {1, num_bytes(source) + num_bytes(host)});
  work->keep(source);
  if (input.numel() > 0) {
    const auto type = std::make_shared<const RowType>(row_bytes(input), label);
    work->keep(type);
    check_mpi(MPI_Iallgather(source.const_data_ptr(), static_cast<int>(rows), type->get(),
                             host.mutable_data_ptr(), static_cast<int>(rows), type->get(),
                             comm_.get(), work->add_request()),
              kCall, label);
  }
  return finish_into(std::move(work), output, host);
}

Work MpiCommunicator::broadcast(at::Tensor tensor, int root, const char* label) {
  constexpr auto kCall = "MPI_Ibcast";
  check(tensor_problem(tensor), kCall, label);
  check(peer_problem(root, size_), kCall, label);
  const auto host = rank_ == root ? host_copy(tensor) : host_target(tensor);
  auto work = start_collective(kCall, label, {1, num_bytes(host)});
  for_each_part(host, [&](std::byte* data, int count) {
    check_mpi(MPI_Ibcast(data, count, MPI_BYTE, root, comm_.get(), work->add_request()), kCall,
              label);
  });
  if (rank_ != root) return finish_into(std::move(work), tensor, host);
  work->keep(host);
  return Work(std::move(work));
}

Work MpiCommunicator::all_to_all(at::Tensor output, at::Tensor input,
                                 std::span<const std::int64_t> output_splits,
                                 std::span<const std::int64_t> input_splits, const char* label) {
  constexpr auto kCall = "MPI_Ialltoallv";
  check(exchange_problem(output, input, output_splits, input_splits, size_), kCall, label);
  const auto bytes = std::max(row_bytes(input), row_bytes(output));
  if (!RowType::fits(num_rows(input)) || !RowType::fits(num_rows(output)) || !RowType::fits(bytes))
    fail(kCall, label, "more than 2^31 - 1 rows, or bytes in a row");
  const auto source = host_copy(input);
  const auto host = host_target(output);
  const auto send = to_int(input_splits);
  const auto receive = to_int(output_splits);
  auto work =
      start_collective(kCall, label, traffic_between(rank_, send.counts, receive.counts, bytes));
  const auto type = std::make_shared<const RowType>(bytes, label);
  work->keep(type);
  auto splits = at::empty({4, size_}, at::kInt);  // MPI reads the counts until the call is done
  auto* counts = splits.mutable_data_ptr<int>();
  std::copy(send.counts.begin(), send.counts.end(), counts);
  std::copy(send.offsets.begin(), send.offsets.end(), counts + size_);
  std::copy(receive.counts.begin(), receive.counts.end(), counts + 2 * size_);
  std::copy(receive.offsets.begin(), receive.offsets.end(), counts + 3 * size_);
  work->keep(splits);
  work->keep(source);
  check_mpi(MPI_Ialltoallv(source.const_data_ptr(), counts, counts + size_, type->get(),
                           host.mutable_data_ptr(), counts + 2 * size_, counts + 3 * size_,
                           type->get(), comm_.get(), work->add_request()),
            kCall, label);
  return finish_into(std::move(work), output, host);
}

Work MpiCommunicator::send(at::Tensor tensor, int peer, const char* label) {
  constexpr auto kCall = "MPI_Isend";
  check(tensor_problem(tensor), kCall, label);
  check(peer_problem(peer, size_), kCall, label);
  const auto host = host_copy(tensor);
  auto work = start_transfer(kCall, label, peer, host);
  for_each_part(host, [&](std::byte* data, int count) {
    check_mpi(MPI_Isend(data, count, MPI_BYTE, peer, 0, comm_.get(), work->add_request()), kCall,
              label);
  });
  work->keep(host);
  return Work(std::move(work));
}

Work MpiCommunicator::receive(at::Tensor tensor, int peer, const char* label) {
  constexpr auto kCall = "MPI_Irecv";
  check(tensor_problem(tensor), kCall, label);
  check(peer_problem(peer, size_), kCall, label);
  const auto host = host_target(tensor);
  auto work = start_transfer(kCall, label, peer, host);
  for_each_part(host, [&](std::byte* data, int count) {
    check_mpi(MPI_Irecv(data, count, MPI_BYTE, peer, 0, comm_.get(), work->add_request()), kCall,
              label);
  });
  work->expect_bytes(num_bytes(host));
  return finish_into(std::move(work), tensor, host);
}

void MpiCommunicator::barrier(const char* label) {
  constexpr auto kCall = "MPI_Ibarrier";
  auto work = start_collective(kCall, label, {1, 0});
  check_mpi(MPI_Ibarrier(comm_.get(), work->add_request()), kCall, label);
  work->wait();
}

std::unique_ptr<parallel::Communicator> MpiCommunicator::split(int colour, int key) {
  return split(colour, key, fmt::format("{}/{}", name_, num_splits_++), patience_);
}

std::unique_ptr<MpiCommunicator> MpiCommunicator::split(int colour, int key,
                                                        const std::string& name,
                                                        Patience patience) {
  barrier("split");  // waits with back-off; MPI_Comm_split itself spins
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(comm_.get(), colour < 0 ? MPI_UNDEFINED : colour, key, &part),
            "MPI_Comm_split", name.c_str());
  if (part == MPI_COMM_NULL) return nullptr;
  return std::unique_ptr<MpiCommunicator>(
      new MpiCommunicator(CommHandle(part), fmt::format("{}[{}]", name, colour), patience));
}

std::unique_ptr<MpiCommunicator> MpiCommunicator::among(const std::vector<int>& ranks,
                                                        const std::string& name,
                                                        Patience patience) {
  constexpr auto kCall = "MPI_Comm_create_group";
  MPI_Group all = MPI_GROUP_NULL, some = MPI_GROUP_NULL;
  check_mpi(MPI_Comm_group(comm_.get(), &all), "MPI_Comm_group", name.c_str());
  const int included = MPI_Group_incl(all, static_cast<int>(ranks.size()), ranks.data(), &some);
  MPI_Comm part = MPI_COMM_NULL;
  int created = MPI_SUCCESS;
  if (included == MPI_SUCCESS) {
    const CallRegistry::Waiting waiting(CallRegistry::instance(),
                                        {kCall, "new communicator", name, 0, -1, patience, 0.0});
    created = MPI_Comm_create_group(comm_.get(), some, 0, &part);
    MPI_Group_free(&some);
  }
  MPI_Group_free(&all);
  check_mpi(included, "MPI_Group_incl", name.c_str());
  check_mpi(created, kCall, name.c_str());
  return std::unique_ptr<MpiCommunicator>(new MpiCommunicator(CommHandle(part), name, patience));
}

void MpiCommunicator::abort(int exit_code) {
  abort_job(exit_code);
}

}  // namespace r1::mpi
