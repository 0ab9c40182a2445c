// Bandwidth of the collectives between ranks as training sees them: through parallel::Communicator,
// over NCCL where each rank has a GPU of its own, else over MPI. tests/bench/gpus.py sets them
// beside NCCL's own.
//
//   launch.sh -n RANKS bench_collectives cpu|cuda [MEBIBYTES...]
//
// One JSON line a call and size, from the first rank: "call", "mib" (of the whole tensor),
// "seconds" (median) and "bus_gb_per_s", the bytes that the busiest link carries over the time: of
// an all_reduce 2 (n - 1) / n of the tensor, of the others (n - 1) / n. Reference: NVIDIA
// nccl-tests, doc/PERFORMANCE.md ("bus bandwidth").
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/timer.h"
#include "kernels/cuda_library.h"
#include "mpi/communication_backend.h"
#include "mpi/environment.h"
#include "mpi/run_guarded.h"
#include "tensor/dtype.h"

namespace {

using r1::parallel::Communicator;
using r1::parallel::ReduceOp;

constexpr int kWarmUps = 5;
constexpr int kRepeats = 20;
constexpr std::int64_t kColumns = 256;

struct Call {
  const char* name;
  double bus_factor;  // of (n - 1) / n
  std::function<void(Communicator&, at::Tensor& whole, at::Tensor& part)> run;
};

const std::vector<Call> kCalls = {
    {"all_reduce", 2.0,
     [](Communicator& ranks, at::Tensor& whole, at::Tensor&) {
       ranks.all_reduce(whole, ReduceOp::Sum, "bench").wait();
     }},
    {"reduce_scatter", 1.0,
     [](Communicator& ranks, at::Tensor& whole, at::Tensor& part) {
       ranks.reduce_scatter(part, whole, ReduceOp::Sum, "bench").wait();
     }},
    {"all_gather", 1.0,
     [](Communicator& ranks, at::Tensor& whole, at::Tensor& part) {
       ranks.all_gather(whole, part, "bench").wait();
     }},
    {"all_to_all", 1.0, [](Communicator& ranks, at::Tensor& whole, at::Tensor&) {
       const std::vector<std::int64_t> splits(static_cast<std::size_t>(ranks.size()),
                                              whole.size(0) / ranks.size());
       auto output = at::empty_like(whole);
       ranks.all_to_all(output, whole, splits, splits, "bench").wait();
     }}};

/// Seconds of one call until its result can be read, on the slowest rank: the median of kRepeats.
double median_seconds(Communicator& ranks, const Call& call, at::Tensor& whole, at::Tensor& part) {
  std::vector<double> seconds;
  for (int i = 0; i < kWarmUps + kRepeats; ++i) {
    ranks.barrier("bench");
    const r1::base::Stopwatch watch;
    call.run(ranks, whole, part);
    part.view({-1})[0].item<float>();  // on a GPU: waits for the device
    whole.view({-1})[0].item<float>();
    const double slowest = ranks.all_reduce_scalar(watch.seconds(), ReduceOp::Max, "bench");
    if (i >= kWarmUps) seconds.push_back(slowest);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

int measure(int argc, char** argv, r1::mpi::Environment& environment) {
  const std::string device_name = argc > 1 ? argv[1] : "cpu";
  const auto device = r1::kernels::open_device(device_name, environment.local_rank());
  r1::mpi::MpiCommunicator world(MPI_COMM_WORLD, "world");
  const r1::mpi::CommunicationBackend backend(world, {"auto", device});
  const auto ranks =
      backend.build(world.split(0, world.rank(), "bench", r1::mpi::Patience::Collective));
  // What is reduced where: gradients in fp32 on a CPU, bf16 as in NCCL's own measurements on a GPU.
  const auto dtype = device.is_cuda() ? at::kBFloat16 : at::kFloat;
  std::vector<std::int64_t> sizes;
  for (int i = 2; i < argc; ++i) sizes.push_back(std::stoll(argv[i]));
  if (sizes.empty()) sizes = {1, 16, 64, 256};
  const auto n = static_cast<double>(ranks->size());
  for (const auto mib : sizes) {
    const std::int64_t rows = (mib << 20) /
                              (kColumns * static_cast<std::int64_t>(c10::elementSize(dtype))) /
                              ranks->size() * ranks->size();
    auto whole = at::zeros({rows, kColumns}, at::TensorOptions(device).dtype(dtype));
    auto part = at::zeros({rows / ranks->size(), kColumns}, whole.options());
    for (const auto& call : kCalls) {
      const double seconds = median_seconds(*ranks, call, whole, part);
      const double bytes = call.bus_factor * static_cast<double>(whole.nbytes()) * (n - 1.0) / n;
      if (world.rank() == 0)
        fmt::print(
            "{{\"call\": \"{}\", \"mib\": {}, \"seconds\": {:.3e}, \"bus_gb_per_s\": {:.2f}}}\n",
            call.name, mib, seconds, bytes / seconds / 1e9);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return r1::mpi::run_guarded([&] {
    r1::mpi::Environment environment(argc, argv);
    return measure(argc, argv, environment);
  });
}
