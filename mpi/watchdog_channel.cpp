#include "mpi/watchdog_channel.h"

#include <mpi.h>

#include <list>

#include "base/log.h"
#include "mpi/check_mpi.h"
#include "mpi/last_resort.h"

namespace r1::mpi {
namespace {

constexpr int kTag = 1;
constexpr const char* kLabel = "watchdog";
constexpr double kAbortSeconds = 2.0;  // for calls on devices; the process ends in any case
constexpr double kEndSeconds = 20.0;   // for the end of the process

class MpiWatchdogChannel final : public WatchdogChannel {
 public:
  MpiWatchdogChannel() : comm_(CommHandle::duplicate(MPI_COMM_WORLD, kLabel)) {}

  // A question to a rank that has ended its watchdog is never received: its buffer is left alive.
  ~MpiWatchdogChannel() override {
    drop_finished();
    if (!outgoing_.empty()) new std::list<Outgoing>(std::move(outgoing_));
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void post(int to, const WatchdogMessage& message) override {
    drop_finished();
    auto& out = outgoing_.emplace_back();
    out.message = message;
    check_mpi(
        MPI_Isend(&out.message, sizeof(out.message), MPI_BYTE, to, kTag, comm_.get(), &out.request),
        "MPI_Isend", kLabel);
  }

  std::optional<WatchdogMessage> poll() override {
    drop_finished();
    int found = 0;
    MPI_Status status;
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kTag, comm_.get(), &found, &status), "MPI_Iprobe", kLabel);
    if (found == 0) return std::nullopt;
    WatchdogMessage message;
    check_mpi(MPI_Recv(&message, sizeof(message), MPI_BYTE, status.MPI_SOURCE, kTag, comm_.get(),
                       MPI_STATUS_IGNORE),
              "MPI_Recv", kLabel);
    return message;
  }

  void end_job(const std::string& line, int exit_code) override {
    // Also when nobody reads what is printed.
    const LastResort last_resort(kEndSeconds, exit_code);
    base::log_error("{}", line);
    CallRegistry::instance().abort_device_calls(kAbortSeconds);
    abort_job(exit_code);
  }

 private:
  struct Outgoing {
    WatchdogMessage message;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  void drop_finished() {
    outgoing_.remove_if([](Outgoing& out) {
      int done = 0;
      check_mpi(MPI_Test(&out.request, &done, MPI_STATUS_IGNORE), "MPI_Test", kLabel);
      return done != 0;
    });
  }

  CommHandle comm_;
  int rank_ = world_rank();
  int size_ = world_size();
  std::list<Outgoing> outgoing_;
};

}  // namespace

std::unique_ptr<WatchdogChannel> make_mpi_watchdog_channel() {
  return std::make_unique<MpiWatchdogChannel>();
}

}  // namespace r1::mpi
