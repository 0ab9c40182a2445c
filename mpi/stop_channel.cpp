#include "mpi/stop_channel.h"

#include "mpi/shutdown.h"

namespace r1::mpi {
namespace {

constexpr int kTag = 1;
constexpr const char* kLabel = "signal to stop";
constexpr std::int8_t kNews = 1;

}  // namespace

StopChannel::StopChannel() : comm_(CommHandle::duplicate(MPI_COMM_WORLD, kLabel)) {}

bool StopChannel::asked() {
  // Later news, which a rank sent before it was told, are taken too, so that none is left over.
  int found = size_ > 1 ? 1 : 0;
  int teller = -1;
  while (found != 0) {
    MPI_Status status;
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kTag, comm_.get(), &found, &status), "MPI_Iprobe", kLabel);
    if (found == 0) break;
    std::int8_t news = 0;
    check_mpi(
        MPI_Recv(&news, 1, MPI_INT8_T, status.MPI_SOURCE, kTag, comm_.get(), MPI_STATUS_IGNORE),
        "MPI_Recv", kLabel);
    teller = status.MPI_SOURCE;
  }
  const bool received = SignalHandlers::received() > 0;
  if (!asked_ && (teller >= 0 || received)) {
    asked_ = true;
    if (rank_ == 0 || teller < 0) pass_on(teller);
  }
  return asked_;
}

/// A single byte is on its way when MPI_Isend returns: nobody waits for the request.
void StopChannel::pass_on(int teller) const {
  const int first = rank_ == 0 ? 1 : 0, last = rank_ == 0 ? size_ : 1;
  for (int other = first; other < last; ++other) {
    if (other == teller) continue;  // knows
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Isend(&kNews, 1, MPI_INT8_T, other, kTag, comm_.get(), &request), "MPI_Isend",
              kLabel);
    check_mpi(MPI_Request_free(&request), "MPI_Request_free", kLabel);
  }
}

}  // namespace r1::mpi
