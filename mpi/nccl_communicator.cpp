#include "mpi/nccl_communicator.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <exception>
#include <utility>

#include "mpi/back_off.h"
#include "mpi/call_arguments.h"

namespace r1::mpi {
namespace {

using parallel::ReduceOp;
using parallel::Work;

constexpr double kAbortSeconds = 2.0;

const c10::impl::DeviceGuardImplInterface& cuda() {
  return *c10::impl::getDeviceGuardImpl(c10::kCUDA);
}

/// Keeps the tensors of a call until a stream waits for it.
class NcclWork final : public Work::State {
 public:
  NcclWork(std::shared_ptr<NcclFlight> flight, std::vector<at::Tensor> tensors, c10::Stream from,
           c10::Stream on)
      : flight_(std::move(flight)),
        tensors_(std::move(tensors)),
        from_(from),
        on_(on),
        unwinding_at_start_(std::uncaught_exceptions()) {}

  void wait() override {
    if (std::uncaught_exceptions() > unwinding_at_start_) {
      new std::vector<at::Tensor>(std::move(tensors_));  // the device may still use them
      return;
    }
    if (!flight_->launched)
      throw base::InternalError(
          fmt::format("{} is waited for inside its group", describe_call(flight_->call)));
    const auto current = cuda().getStream(from_.device());
    flight_->done.block(current);
    // Memory goes back to the stream it came from, which does not wait when another one does.
    if (current != from_)
      for (const auto& tensor : tensors_)
        cuda().recordDataPtrOnStream(tensor.storage().data_ptr(), on_);
  }

  bool test() override { return flight_->launched && flight_->done.query(); }

 private:
  std::shared_ptr<NcclFlight> flight_;
  std::vector<at::Tensor> tensors_;
  c10::Stream from_;
  c10::Stream on_;
  int unwinding_at_start_;
};

}  // namespace

NcclCommunicator::NcclCommunicator(std::unique_ptr<MpiCommunicator> host, at::Device device)
    : library_(NcclLibrary::instance()),
      host_(std::move(host)),
      device_(device),
      name_(host_->name() + " over NCCL"),
      stream_(cuda().getStreamFromGlobalPool(device, true)),
      stream_handle_(stream_.native_handle()),
      flights_(std::make_shared<NcclFlights>(library_, device)),
      registry_id_(CallRegistry::instance().open_communicator(name_, flights_)) {
  start();
}

void NcclCommunicator::start() {
  constexpr auto kCall = "ncclCommInitRank";
  constexpr auto kLabel = "start of NCCL";
  const c10::DeviceGuard guard(device_);
  NcclId id{};
  if (rank() == 0) check_code(library_.make_id(id), "ncclGetUniqueId", kLabel);
  auto bytes = at::from_blob(id.data(), {static_cast<std::int64_t>(id.size())}, at::kByte);
  host_->broadcast(bytes, 0, kLabel).wait();
  auto& registry = CallRegistry::instance();
  const auto sequence = registry.issue(registry_id_, kCall, kLabel);
  {
    const CallRegistry::Waiting waiting(
        registry, {kCall, kLabel, name_, sequence, kNoPeer, host_->patience(), 0.0});
    check_code(library_.init(comm_, size(), id, rank()), kCall, kLabel);
  }
  flights_->watch(comm_);
  barrier_element_ = at::zeros({1}, at::TensorOptions().dtype(at::kInt).device(device_));
}

NcclCommunicator::~NcclCommunicator() {
  auto& registry = CallRegistry::instance();
  registry.close_communicator(registry_id_);
  auto* comm = flights_->release();
  if (comm == nullptr || std::uncaught_exceptions() > 0 || !mpi_is_running()) return;
  const CallRegistry::Waiting waiting(registry, {"ncclCommDestroy", "end of NCCL", name_, 0,
                                                 host_->rank(), host_->patience(), 0.0});
  library_.destroy(comm);
}

bool NcclCommunicator::is_for_host(const at::Tensor& tensor) const {
  return !tensor.defined() || tensor.is_cpu();  // undefined: MPI's check says so
}

void NcclCommunicator::check(const std::string& problem, const char* call,
                             const char* label) const {
  if (!problem.empty())
    throw NcclError(fmt::format("rank {} ({}): {} '{}' on communicator {}: {}", world_rank(),
                                host_name(), call, label, name_, problem));
}

void NcclCommunicator::check_code(int code, const char* call, const char* label) const {
  if (code != 0) check(library_.describe(code, comm_), call, label);
}

void NcclCommunicator::check_device(const at::Tensor& tensor, const char* call,
                                    const char* label) const {
  if (!tensor.defined() || tensor.device() != device_)
    check(fmt::format("expected tensors on {}, found {}", device_.str(),
                      tensor.defined() ? tensor.device().str() : "none"),
          call, label);
}

Work NcclCommunicator::launch(const char* call, const char* label, int peer,
                              std::vector<at::Tensor> tensors, Enqueue enqueue) {
  for (const auto& tensor : tensors) check_device(tensor, call, label);
  const c10::DeviceGuard guard(device_);
  const auto current = cuda().getStream(device_);
  if (auto* handle = current.native_handle(); library_.is_capturing(handle)) {
    check_code(enqueue(handle), call, label);
    return {};
  }
  auto& registry = CallRegistry::instance();
  const auto sequence = peer == kNoPeer ? registry.issue(registry_id_, call, label) : 0;
  const int world_peer =
      peer == kNoPeer ? kNoPeer : host_->world_ranks()[static_cast<std::size_t>(peer)];
  auto flight = flights_->make({call, label, name_, sequence, world_peer, host_->patience(), 0.0});
  flight->ready.record(current);
  flight->ready.block(stream_);
  {
    // The first calls between two ranks connect them, and the host waits for that.
    const CallRegistry::Waiting waiting(registry, flight->call);
    check_code(enqueue(stream_handle_), call, label);
  }
  if (group_depth_ > 0)
    group_.push_back(flight);
  else
    add_launched(flight);
  return Work(std::make_unique<NcclWork>(std::move(flight), std::move(tensors), current, stream_));
}

void NcclCommunicator::add_launched(std::shared_ptr<NcclFlight> flight) {
  flight->done.record(stream_);
  flight->launched = true;
  flights_->add(std::move(flight));
}

Work NcclCommunicator::all_reduce(at::Tensor tensor, ReduceOp op, const char* label) {
  if (is_for_host(tensor)) return host_->all_reduce(std::move(tensor), op, label);
  constexpr auto kCall = "ncclAllReduce";
  check(tensor_problem(tensor), kCall, label);
  check(reduction_problem(tensor.scalar_type()), kCall, label);
  if (tensor.numel() == 0) return {};
  auto* data = tensor.mutable_data_ptr();
  const auto count = static_cast<std::size_t>(tensor.numel());
  return launch(kCall, label, kNoPeer, {tensor}, [&](void* stream) {
    return library_.all_reduce(data, data, count, tensor.scalar_type(), op, comm_, stream);
  });
}

Work NcclCommunicator::reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op,
                                      const char* label) {
  if (is_for_host(input))
    return host_->reduce_scatter(std::move(output), std::move(input), op, label);
  constexpr auto kCall = "ncclReduceScatter";
  check(pieces_problem(input, output, size()), kCall, label);
  check(reduction_problem(input.scalar_type()), kCall, label);
  if (output.numel() == 0) return {};
  const auto count = static_cast<std::size_t>(output.numel());
  return launch(kCall, label, kNoPeer, {output, input}, [&](void* stream) {
    return library_.reduce_scatter(input.const_data_ptr(), output.mutable_data_ptr(), count,
                                   input.scalar_type(), op, comm_, stream);
  });
}

Work NcclCommunicator::all_gather(at::Tensor output, at::Tensor input, const char* label) {
  if (is_for_host(input)) return host_->all_gather(std::move(output), std::move(input), label);
  constexpr auto kCall = "ncclAllGather";
  check(pieces_problem(output, input, size()), kCall, label);
  if (input.numel() == 0) return {};
  return launch(kCall, label, kNoPeer, {output, input}, [&](void* stream) {
    return library_.all_gather(input.const_data_ptr(), output.mutable_data_ptr(), input.nbytes(),
                               comm_, stream);
  });
}

Work NcclCommunicator::broadcast(at::Tensor tensor, int root, const char* label) {
  if (is_for_host(tensor)) return host_->broadcast(std::move(tensor), root, label);
  constexpr auto kCall = "ncclBroadcast";
  check(tensor_problem(tensor), kCall, label);
  check(peer_problem(root, size()), kCall, label);
  if (tensor.numel() == 0) return {};
  return launch(kCall, label, kNoPeer, {tensor}, [&](void* stream) {
    return library_.broadcast(tensor.mutable_data_ptr(), tensor.nbytes(), root, comm_, stream);
  });
}

Work NcclCommunicator::all_to_all(at::Tensor output, at::Tensor input,
                                  std::span<const std::int64_t> output_splits,
                                  std::span<const std::int64_t> input_splits, const char* label) {
  if (is_for_host(input))
    return host_->all_to_all(std::move(output), std::move(input), output_splits, input_splits,
                             label);
  constexpr auto kCall = "ncclSend and ncclRecv with all";
  check(exchange_problem(output, input, output_splits, input_splits, size()), kCall, label);
  return launch(kCall, label, kNoPeer, {output, input}, [&](void* stream) {
    return exchange(output, input, output_splits, input_splits, stream);
  });
}

int NcclCommunicator::exchange(const at::Tensor& output, const at::Tensor& input,
                               std::span<const std::int64_t> output_splits,
                               std::span<const std::int64_t> input_splits, void* stream) const {
  const auto* from = static_cast<const std::byte*>(input.const_data_ptr());
  auto* to = static_cast<std::byte*>(output.mutable_data_ptr());
  const auto input_row = static_cast<std::size_t>(row_bytes(input));
  const auto output_row = static_cast<std::size_t>(row_bytes(output));
  int failed = library_.group_start();
  for (int peer = 0; peer < size() && failed == 0; ++peer) {
    const auto sent = input_row * static_cast<std::size_t>(input_splits[std::size_t(peer)]);
    const auto received = output_row * static_cast<std::size_t>(output_splits[std::size_t(peer)]);
    if (sent > 0) failed = library_.send(from, sent, peer, comm_, stream);
    if (received > 0 && failed == 0) failed = library_.receive(to, received, peer, comm_, stream);
    from += sent;
    to += received;
  }
  const int ended = library_.group_end();
  return failed != 0 ? failed : ended;
}

Work NcclCommunicator::send(at::Tensor tensor, int peer, const char* label) {
  if (is_for_host(tensor)) return host_->send(std::move(tensor), peer, label);
  constexpr auto kCall = "ncclSend";
  check(tensor_problem(tensor), kCall, label);
  check(peer_problem(peer, size()), kCall, label);
  if (tensor.numel() == 0) return {};
  return launch(kCall, label, peer, {tensor}, [&](void* stream) {
    return library_.send(tensor.const_data_ptr(), tensor.nbytes(), peer, comm_, stream);
  });
}

Work NcclCommunicator::receive(at::Tensor tensor, int peer, const char* label) {
  if (is_for_host(tensor)) return host_->receive(std::move(tensor), peer, label);
  constexpr auto kCall = "ncclRecv";
  check(tensor_problem(tensor), kCall, label);
  check(peer_problem(peer, size()), kCall, label);
  if (tensor.numel() == 0) return {};
  return launch(kCall, label, peer, {tensor}, [&](void* stream) {
    return library_.receive(tensor.mutable_data_ptr(), tensor.nbytes(), peer, comm_, stream);
  });
}

void NcclCommunicator::group_begin() {
  check_code(library_.group_start(), "ncclGroupStart", name_.c_str());
  ++group_depth_;
}

void NcclCommunicator::group_end() {
  constexpr auto kCall = "ncclGroupEnd";
  R1_CHECK(group_depth_ > 0, "{}: group_end without group_begin", name_);
  const c10::DeviceGuard guard(device_);
  if (group_.empty()) {
    check_code(library_.group_end(), kCall, name_.c_str());
  } else {
    const CallRegistry::Waiting waiting(CallRegistry::instance(), group_.back()->call);
    check_code(library_.group_end(), kCall, group_.back()->call.label.c_str());
  }
  if (--group_depth_ > 0) return;
  for (auto& flight : std::exchange(group_, {})) add_launched(std::move(flight));
}

void NcclCommunicator::barrier(const char* label) {
  auto work = all_reduce(barrier_element_, ReduceOp::Sum, label);
  BackOff back_off;
  while (!work.test()) back_off.pause();
}

std::unique_ptr<parallel::Communicator> NcclCommunicator::split(int colour, int key) {
  const auto part_name = fmt::format("{}/nccl{}", host_->name(), num_splits_++);
  auto part = host_->split(colour, key, part_name, host_->patience());
  if (!part) return nullptr;
  return std::make_unique<NcclCommunicator>(std::move(part), device_);
}

void NcclCommunicator::abort(int exit_code) {
  CallRegistry::instance().abort_device_calls(kAbortSeconds);
  host_->abort(exit_code);
}

}  // namespace r1::mpi
