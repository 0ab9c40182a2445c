#include "mpi/communication_backend.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <fstream>

#include "base/errors.h"
#include "mpi/nccl_communicator.h"

namespace r1::mpi {
namespace {

constexpr std::size_t kTextBytes = 64;
constexpr std::size_t kPlaceBytes = 3 * kTextBytes;

// A new one at each boot of each machine; containers see their host's.
std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

void put(const std::string& text, char* to) {
  std::copy_n(text.begin(), std::min(text.size(), kTextBytes - 1), to);
}

std::vector<GpuPlace> gather_places(MpiCommunicator& world, const GpuPlace& own) {
  auto mine = at::zeros({kPlaceBytes}, at::kByte);
  auto* bytes = static_cast<char*>(mine.mutable_data_ptr());
  put(own.host, bytes);
  put(own.node, bytes + kTextBytes);
  put(own.bus_id, bytes + 2 * kTextBytes);
  auto all = at::zeros({world.size() * static_cast<std::int64_t>(kPlaceBytes)}, at::kByte);
  world.all_gather(all, mine, "GPU of each rank").wait();
  std::vector<GpuPlace> places;
  const auto* next = static_cast<const char*>(all.const_data_ptr());
  for (int rank = 0; rank < world.size(); ++rank, next += kPlaceBytes)
    places.push_back({next, next + kTextBytes, next + 2 * kTextBytes});
  return places;
}

}  // namespace

std::optional<std::pair<int, int>> ranks_on_one_gpu(const std::vector<GpuPlace>& places,
                                                    const std::vector<int>& ranks) {
  const auto place = [&](int rank) -> const GpuPlace& {
    return places[static_cast<std::size_t>(rank)];
  };
  for (std::size_t b = 1; b < ranks.size(); ++b)
    for (std::size_t a = 0; a < b; ++a)
      if (place(ranks[a]).node == place(ranks[b]).node &&
          place(ranks[a]).bus_id == place(ranks[b]).bus_id)
        return std::pair{ranks[a], ranks[b]};
  return std::nullopt;
}

CommunicationBackend::CommunicationBackend(MpiCommunicator& world, BackendRequest request)
    : request_(std::move(request)) {
  const bool possible = request_.device.is_cuda() && NcclLibrary::is_built();
  if (request_.backend == "mpi" || !possible) return;
  places_ = gather_places(
      world, {host_name(), boot_id(), NcclLibrary::instance().bus_id(request_.device.index())});
}

void CommunicationBackend::require(const std::string& name, const std::vector<int>& ranks) const {
  if (request_.backend != "nccl") return;
  if (places_.empty())
    throw base::ConfigError(
        "communication.backend = \"nccl\": needs a GPU and a program that was built with NCCL");
  const auto shared = ranks_on_one_gpu(places_, ranks);
  if (!shared) return;
  const auto& gpu = places_[static_cast<std::size_t>(shared->first)];
  throw base::ConfigError(
      fmt::format("communication.backend = \"nccl\": ranks {} and {} of {} are on one GPU ({} of "
                  "host {}): NCCL refuses two ranks on one GPU: use mpi",
                  shared->first, shared->second, name, gpu.bus_id, gpu.host));
}

bool CommunicationBackend::is_nccl(const std::vector<int>& ranks) const {
  return !places_.empty() && !ranks_on_one_gpu(places_, ranks);
}

std::unique_ptr<parallel::Communicator> CommunicationBackend::build(
    std::unique_ptr<MpiCommunicator> group) const {
  if (!group || !is_nccl(group->world_ranks())) return group;
  return std::make_unique<NcclCommunicator>(std::move(group), request_.device);
}

}  // namespace r1::mpi
