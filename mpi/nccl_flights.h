#pragma once
// NCCL calls in flight: each between two CUDA events, from its launch until the device is through
// with it. The issuing thread adds them; the watchdog's thread sees them end, or sees that they do
// not.
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
  c10::Event ready{c10::kCUDA};  // its inputs are there
  c10::Event done{c10::kCUDA};
  bool launched = false;  // `done` is recorded: not yet inside a group. Of the issuing thread
};

class NcclFlights final : public DeviceCalls {
 public:
  NcclFlights(const NcclLibrary& library, c10::Device device)
      : library_(library), device_(device) {}

  /// From now on `comm` is asked for errors, and aborted by abort().
  void watch(ncclComm* comm);
  /// Gives `comm` back to be destroyed; null when it was aborted or never there.
  ncclComm* release();
  /// A flight whose events may be used ones.
  std::shared_ptr<NcclFlight> make(PendingCall call);
  /// In the order of launches, with `done` recorded.
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
