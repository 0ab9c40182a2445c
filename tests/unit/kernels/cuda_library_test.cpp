// The interface between the program and the library of its CUDA kernels.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "kernels/cuda/kernel_table.h"

namespace r1::kernels {
namespace {

TEST(CudaLibrary, AnotherInterfaceIsRefused) {
  void* library = ::dlopen("libr1mpi_cuda.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) GTEST_SKIP() << ::dlerror();
  using Table = const CudaKernelTable* (*)(std::uint64_t);
  const auto table = reinterpret_cast<Table>(::dlsym(library, "r1_cuda_kernel_table"));
  ASSERT_NE(table, nullptr) << ::dlerror();
  EXPECT_NE(table(interface_number()), nullptr);
  EXPECT_EQ(table(interface_number() + 1), nullptr);
}

}  // namespace
}  // namespace r1::kernels
