#include "mpi/nccl_flights.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/util/Exception.h>

#include <utility>

#include "base/timer.h"

namespace r1::mpi {
namespace {

constexpr std::size_t kMostUsed = 256;  // flights kept for their events

}  // namespace

void NcclFlights::watch(ncclComm* comm) {
  const std::lock_guard lock(mutex_);
  comm_ = comm;
}

ncclComm* NcclFlights::release() {
  const std::lock_guard lock(mutex_);
  return std::exchange(comm_, nullptr);
}

std::shared_ptr<NcclFlight> NcclFlights::make(PendingCall call) {
  std::shared_ptr<NcclFlight> flight;
  {
    const std::lock_guard lock(mutex_);
    drop_done();
    if (!used_.empty() && used_.back().use_count() == 1) {
      flight = std::move(used_.back());
      used_.pop_back();
    }
  }
  if (!flight) flight = std::make_shared<NcclFlight>();
  flight->call = std::move(call);
  flight->launched = false;
  return flight;
}

void NcclFlights::add(std::shared_ptr<NcclFlight> flight) {
  const std::lock_guard lock(mutex_);
  flights_.push_back(std::move(flight));
}

std::optional<PendingCall> NcclFlights::current() {
  const std::lock_guard lock(mutex_);
  prepare_thread();
  try {
    drop_done();
    if (!front_is_ready()) return std::nullopt;
    return flights_.front()->call;
  } catch (const c10::Error& error) {
    if (failure_.empty()) failure_ = error.what_without_backtrace();
    return std::nullopt;
  }
}

std::optional<std::uint64_t> NcclFlights::reached() {
  const auto now = current();
  if (now && now->sequence > 0) return now->sequence;
  const std::lock_guard lock(mutex_);
  for (const auto& flight : flights_)
    if (flight->call.sequence > 0) return flight->call.sequence - 1;
  return std::nullopt;
}

std::string NcclFlights::failure() {
  const std::lock_guard lock(mutex_);
  if (failure_.empty() && comm_ != nullptr) {
    const int code = library_.async_error(comm_);
    if (code != 0) failure_ = "NCCL: " + library_.describe(code, comm_);
  }
  return failure_;
}

void NcclFlights::abort() {
  prepare_thread();
  if (auto* comm = release()) library_.abort(comm);
}

// The watchdog's thread begins on CUDA's device 0, where it would make a context of its own.
void NcclFlights::prepare_thread() const {
  thread_local bool prepared = false;
  if (prepared) return;
  c10::impl::getDeviceGuardImpl(c10::kCUDA)->setDevice(device_);
  library_.allow_queries_in_captures();
  prepared = true;
}

// Calls of one communicator end in the order of their launches.
void NcclFlights::drop_done() {
  while (!flights_.empty() && flights_.front()->done.query()) {
    if (used_.size() < kMostUsed) used_.push_back(std::move(flights_.front()));
    flights_.pop_front();
  }
}

/// Whether the device is in the oldest flight. Its clock starts when that is seen first: calls wait
/// in the device's queue behind work that may take long.
bool NcclFlights::front_is_ready() {
  if (flights_.empty()) return false;
  auto& front = *flights_.front();
  if (front.call.since == 0.0) {
    if (!front.ready.query()) return false;
    front.call.since = base::monotonic_seconds();
  }
  return true;
}

}  // namespace r1::mpi
