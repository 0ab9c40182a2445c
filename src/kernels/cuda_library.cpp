#include "kernels/cuda_library.h"

#include <ATen/ATen.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <cstdlib>
#include <string_view>

#include "base/errors.h"
#include "base/log.h"
#include "tensor/dtype.h"

namespace r1::kernels {
namespace {

const CudaKernelTable* loaded_table = nullptr;

/// Returns why the kernels are not used; empty: they are.
std::string load_kernels() {
  if (const char* choice = std::getenv("R1_KERNELS");
      choice != nullptr && std::string_view(choice) == "off")
    return "R1_KERNELS=off";
  if (loaded_table != nullptr) return {};
  void* library = ::dlopen("libr1mpi_cuda.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return ::dlerror();
  using Table = const CudaKernelTable* (*)(std::uint64_t);
  const auto table = reinterpret_cast<Table>(::dlsym(library, "r1_cuda_kernel_table"));
  if (table == nullptr) return ::dlerror();
  loaded_table = table(interface_number());
  return loaded_table != nullptr ? "" : "libr1mpi_cuda.so is of another build than the program";
}

}  // namespace

at::Device open_device(const std::string& name, int local_rank) {
  const auto device = tensor::open_device(name, local_rank);
  if (!device.is_cuda() || loaded_table != nullptr) return device;
  if (const auto reason = load_kernels(); !reason.empty() && local_rank == 0)
    base::log_warning("this run uses torch's operations, without the project's CUDA kernels: {}",
                      reason);
  return device;
}

const CudaKernelTable* cuda_kernels() {
  return loaded_table;
}

const CudaKernelTable* cuda_kernels_for(const at::Tensor& x) {
  const auto dtype = x.scalar_type();
  return x.is_cuda() && (dtype == at::kFloat || dtype == at::kBFloat16) ? loaded_table : nullptr;
}

CudaType cuda_type(at::ScalarType dtype) {
  R1_CHECK(dtype == at::kFloat || dtype == at::kBFloat16, "CUDA kernels take fp32 and bf16, not {}",
           c10::toString(dtype));
  return dtype == at::kFloat ? CudaType::Float32 : CudaType::BFloat16;
}

bool is_packed(const at::Tensor& x) {
  constexpr std::uintptr_t kAlignment = 16;
  return x.is_contiguous() &&
         reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % kAlignment == 0;
}

at::Tensor packed(const at::Tensor& x) {
  return is_packed(x) ? x : x.clone(at::MemoryFormat::Contiguous);
}

CudaStream current_cuda_stream(const at::Tensor& x) {
  const c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
  return guard.getStream(x.device()).native_handle();
}

void check_launch(const CudaKernelTable& table, const char* kernel) {
  if (const char* error = table.last_error())
    throw base::InternalError(fmt::format("CUDA kernel {}: {}", kernel, error));
}

}  // namespace r1::kernels
