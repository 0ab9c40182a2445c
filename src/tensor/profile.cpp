#include "tensor/profile.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include <filesystem>
#include <set>

#include "base/errors.h"

namespace r1::tensor {
namespace {

namespace profiler = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;

void wait_for(at::Device device) {
  if (device.is_cpu()) return;
  const c10::impl::VirtualGuardImpl guard(device.type());
  guard.synchronizeDevice(device.index());
}

}  // namespace

Profile::Profile(at::Device device) : device_(device) {
  std::set<ActivityType> activities{ActivityType::CPU};
  if (device.is_cuda()) activities.insert(ActivityType::CUDA);
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO,
                                                     /*report_input_shapes=*/true);
  profiler::prepareProfiler(config, activities);
  wait_for(device);
  profiler::enableProfiler(config, activities);
}

Profile::~Profile() {
  if (recording_) profiler::disableProfiler();
}

void Profile::write(const std::string& path) {
  wait_for(device_);
  const auto result = profiler::disableProfiler();
  recording_ = false;
  result->save(path);
  if (!std::filesystem::exists(path))
    throw base::ConfigError(fmt::format("{}: the trace of run.profile cannot be written", path));
}

}  // namespace r1::tensor
