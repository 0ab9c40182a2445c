#include "matmul_speed.h"

#include <ATen/ATen.h>

#include "base/timer.h"

namespace r1::mpi {

at::ScalarType fastest_cpu_dtype() {
  const auto seconds = [](at::ScalarType dtype) {
    const auto x = at::ones({512, 512}, dtype), w = at::ones({2048, 512}, dtype);
    at::linear(x, w);  // the first call chooses and compiles the kernel
    double best = 1e9;
    for (int i = 0; i < 5; ++i) {
      const base::Stopwatch watch;
      at::linear(x, w);
      best = std::min(best, watch.seconds());
    }
    return best;
  };
  return seconds(at::kBFloat16) < seconds(at::kFloat) ? at::kBFloat16 : at::kFloat;
}

}  // namespace r1::mpi
