#include "kernels/sum_of_squares.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "kernels/adamw_loops.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

constexpr std::int64_t kBlock = 1 << 15;  // elements summed by one CPU thread in one go

double block_sum(const at::Tensor& tensor, std::int64_t begin, std::int64_t size) {
  if (tensor.scalar_type() == at::kFloat)
    return squares(tensor.const_data_ptr<float>() + begin, size);
  return squares(tensor.const_data_ptr<at::BFloat16>() + begin, size);
}

at::Tensor sum_on_cpu(const at::Tensor& tensor) {
  const std::int64_t size = tensor.numel();
  const std::int64_t num_blocks = (size + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<std::size_t>(num_blocks));
  at::parallel_for(0, num_blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b)
      sums[static_cast<std::size_t>(b)] =
          block_sum(tensor, b * kBlock, std::min(kBlock, size - b * kBlock));
  });
  double total = 0.0;
  for (const double sum : sums) total += sum;
  return at::full({}, total, tensor.options().dtype(at::kDouble));
}

at::Tensor sum_on_gpu(const at::Tensor& tensor, const CudaKernelTable& table) {
  constexpr std::int64_t kMostParts = 1024, kPartSize = 8192;
  const auto num_parts =
      std::clamp<std::int64_t>((tensor.numel() + kPartSize - 1) / kPartSize, 1, kMostParts);
  auto parts = at::empty({num_parts}, tensor.options().dtype(at::kDouble));
  table.squares(tensor.const_data_ptr<float>(), tensor.numel(), parts.mutable_data_ptr<double>(),
                num_parts, current_cuda_stream(tensor));
  check_launch(table, "squares");
  return num_parts == 1 ? parts.squeeze(0) : parts.sum();
}

}  // namespace

at::Tensor sum_of_squares(const at::Tensor& tensor) {
  const bool is_float = tensor.scalar_type() == at::kFloat;
  if (tensor.is_contiguous()) {
    const auto* table = cuda_kernels_for(tensor);
    if (table != nullptr && is_float) return sum_on_gpu(tensor, *table);
    if (tensor.is_cpu() && (is_float || tensor.scalar_type() == at::kBFloat16))
      return sum_on_cpu(tensor);
  }
  return sum_of_squares_reference(tensor);
}

at::Tensor sum_of_squares_reference(const at::Tensor& tensor) {
  const bool narrow = c10::elementSize(tensor.scalar_type()) < c10::elementSize(at::kFloat);
  return at::sum((narrow ? tensor.to(at::kFloat) : tensor).square(), at::kDouble);
}

}  // namespace r1::kernels
