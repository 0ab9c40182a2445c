#pragma once
// NCCL calls in flight: each call is between two CUDA events, from its launch until the device has
// completed it. The issuing thread adds calls; the watchdog's thread observes whether they
// complete.
#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mpi/call_registry.h"
#include "mpi/nccl_library.h"

namespace r1::mpi {

struct NcclFlight {
  PendingCall call;
  c10::Event ready{c10::kCUDA};  // the inputs are ready
  c10::Event done{c10::kCUDA};
  // `done` is recorded; false inside a group. Only the issuing thread reads this member.
  bool launched = false;
};

class NcclFlights final : public DeviceCalls {
 public:
  NcclFlights(const NcclLibrary& library, c10::Device device)
      : library_(library), device_(device) {}

  /// From now on `comm` is queried for errors, and aborted by abort().
  void watch(ncclComm* comm);
  /// Returns `comm` for destruction; null if `comm` was aborted or never set.
  ncclComm* release();
  /// Makes a flight, and may reuse the events of a completed flight.
  std::shared_ptr<NcclFlight> make(PendingCall call);
  /// Adds a flight with `done` recorded; flights must be added in the order of launches.
  void add(std::shared_ptr<NcclFlight> flight);

  std::optional<PendingCall> current() override;
  std::optional<std::uint64_t> reached() override;
  std::string failure() override;
  void abort() override;

 private:
  void prepare_thread() const;
  void drop_done();
  bool front_is_ready();

  const NcclLibrary& library_;
  const c10::Device device_;
  std::mutex mutex_;
  ncclComm* comm_ = nullptr;
  std::string failure_;
  std::deque<std::shared_ptr<NcclFlight>> flights_;
  std::vector<std::shared_ptr<NcclFlight>> used_;
};

}  // namespace r1::mpi
