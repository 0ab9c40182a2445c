#pragma once
// The communicators that one set of expectations is tested on: MPI with CPU tensors, MPI with GPU
// tensors, NCCL. The GPU ones are skipped, with a reason, where there is no GPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "base/errors.h"
#include "kernels/cuda_library.h"
#include "mpi/communication_backend.h"
#include "support/world.h"
#include "tensor/dtype.h"

namespace r1::test {

enum class Backend { Mpi, MpiOnGpu, Nccl };

inline std::string backend_name(Backend backend) {
  return backend == Backend::Mpi ? "Mpi" : backend == Backend::Nccl ? "Nccl" : "MpiOnGpu";
}

/// The world over one backend, made once per process (NCCL takes a second), and its device.
class BackendWorld {
 public:
  /// Collective over: world.
  static BackendWorld& of(Backend backend) {
    auto& world = all()[static_cast<std::size_t>(backend)];
    if (!world) world.reset(new BackendWorld(backend));
    return *world;
  }
  /// Before MPI ends (CloseBackends below). Collective over: world.
  static void close_all() {
    for (auto& world : all()) world.reset();
  }

  /// Why its tests are skipped; empty: they run.
  const std::string& problem() const { return problem_; }
  parallel::Communicator& communicator() { return *communicator_; }
  at::Device device() const { return device_; }

 private:
  explicit BackendWorld(Backend backend) {
    auto host = std::make_unique<mpi::MpiCommunicator>(MPI_COMM_WORLD, "world");
    if (backend != Backend::Mpi) find_gpu(*host);
    if (!problem_.empty()) return;
    mpi::BackendRequest request;
    request.backend = backend == Backend::Nccl ? "nccl" : "mpi";
    request.device = device_;
    const mpi::CommunicationBackend chosen(*host, request);
    try {
      std::vector<int> ranks(static_cast<std::size_t>(host->size()));
      std::iota(ranks.begin(), ranks.end(), 0);
      chosen.require("the world", ranks);
      communicator_ = chosen.build(std::move(host));
    } catch (const base::ConfigError& error) {
      problem_ = error.what();
    }
  }

  /// All ranks agree on whether there are GPUs.
  void find_gpu(mpi::MpiCommunicator& host) {
    MPI_Comm node = MPI_COMM_NULL;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    const mpi::CommHandle handle(node);
    int local_rank = 0;
    MPI_Comm_rank(node, &local_rank);
    try {
      // LibTorch's CUDA part takes seconds to load: not where there is nothing to find.
      if (::access("/dev/nvidiactl", F_OK) != 0) throw base::ConfigError("no GPU on this machine");
      device_ = kernels::open_device("cuda", local_rank);
    } catch (const base::ConfigError& error) {
      problem_ = error.what();
    }
    const double without = problem_.empty() ? 0.0 : 1.0;
    if (host.all_reduce_scalar(without, parallel::ReduceOp::Max, "GPUs") > 0.0 && problem_.empty())
      problem_ = "another rank has no GPU";
  }

  static std::vector<std::unique_ptr<BackendWorld>>& all() {
    static std::vector<std::unique_ptr<BackendWorld>> worlds(3);
    return worlds;
  }

  std::string problem_;
  at::Device device_ = at::kCPU;
  std::unique_ptr<parallel::Communicator> communicator_;
};

class CloseBackends final : public testing::Environment {
 public:
  void TearDown() override { BackendWorld::close_all(); }
};
inline const auto* const kCloseBackends = testing::AddGlobalTestEnvironment(new CloseBackends);

/// A test that runs on each backend.
template <class Parameter>
class OnBackend : public testing::TestWithParam<Parameter> {
 protected:
  void SetUp() override {
    if (!world().problem().empty()) GTEST_SKIP() << world().problem();
  }
  virtual Backend backend() const = 0;
  BackendWorld& world() const { return BackendWorld::of(backend()); }
  parallel::Communicator& communicator() const { return world().communicator(); }
  int rank() const { return communicator().rank(); }
  int size() const { return communicator().size(); }
  at::Tensor here(const at::Tensor& tensor) const { return tensor.to(world().device()); }
  at::TensorOptions options(at::ScalarType dtype) const {
    return at::TensorOptions().dtype(dtype).device(world().device());
  }
};

}  // namespace r1::test
