// Times of checkpoints of one rank, as lines of JSON, for checkpoint_io.py:
//
//   bench_checkpoint save FOLDER MIB NUMBER       saves that the caller waits for
//   bench_checkpoint background FOLDER MIB NUMBER saves in the background; the caller's stall
//   bench_checkpoint load FOLDER MIB              the newest one, into tensors
#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/errors.h"
#include "base/files.h"
#include "base/timer.h"
#include "checkpoint/catalog.h"
#include "checkpoint/reader.h"
#include "checkpoint/saver.h"
#include "parallel/local_communicator.h"

namespace {

using namespace r1;

/// Tensors as a trainer has them, of which most bytes are in matrices of 32 MiB.
checkpoint::State state_of(std::int64_t mib) {
  constexpr std::int64_t kWidth = 2048, kMatrixMib = 32;
  checkpoint::State state;
  for (std::int64_t i = 0; i < mib / kMatrixMib; ++i)
    for (const char* part : {"weight", "bias"}) {
      const auto rows = part[0] == 'w' ? kMatrixMib * (1 << 20) / 4 / kWidth : 1;
      state.tensors.push_back(checkpoint::whole_tensor(fmt::format("model.layers.{}.{}", i, part),
                                                       at::rand({rows, kWidth}, at::kFloat)));
    }
  return state;
}

void save(const std::string& folder, std::int64_t mib, std::int64_t number, bool background) {
  parallel::LocalCommunicator alone;
  checkpoint::CheckpointOptions options;
  options.background = background;
  checkpoint::Saver saver(options, folder, /*seed=*/0, alone);
  const auto state = state_of(mib);
  for (std::int64_t step = 1; step <= number; ++step) {
    const base::Stopwatch watch;
    saver.save(step, state);
    const double stall = watch.seconds();
    saver.finish();
    const auto& result = saver.last_result();
    if (!result.published) throw base::FileError(result.reason);
    std::printf("{\"stall\": %.6f, \"total\": %.6f, \"bytes\": %lld}\n", stall, watch.seconds(),
                static_cast<long long>(result.bytes));
  }
}

void load(const std::string& folder, std::int64_t mib) {
  auto state = state_of(mib);
  parallel::LocalCommunicator alone;
  const base::Stopwatch watch;
  checkpoint::CheckpointReader reader(checkpoint::newest_valid(folder, alone).path);
  const double verified = watch.seconds();
  reader.load(state.tensors);
  std::printf("{\"verified\": %.6f, \"total\": %.6f, \"bytes\": %lld}\n", verified, watch.seconds(),
              static_cast<long long>(reader.bytes_read()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string what = argv[1], folder = argv[2];
  const auto mib = std::strtoll(argv[3], nullptr, 10);
  try {
    if (what == "load")
      load(folder, mib);
    else
      save(folder, mib, argc > 4 ? std::strtoll(argv[4], nullptr, 10) : 1, what == "background");
  } catch (const base::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
  return 0;
}
