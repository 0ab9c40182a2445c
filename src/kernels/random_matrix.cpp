#include "kernels/random_matrix.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/random.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {
namespace {

constexpr std::int64_t kDrawsOfAThread = 1 << 14;  // at least

}  // namespace

void fill_normal_reference(at::Tensor out, const RandomBox& box) {
  const auto columns = out.size(1);
  auto values = at::empty(out.sizes(), at::kDouble);
  auto* data = values.mutable_data_ptr<double>();
  at::parallel_for(0, values.numel(), kDrawsOfAThread, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      const auto place =
          (box.first_row + i / columns) * box.whole_columns + box.first_column + i % columns;
      data[i] = box.standard_deviation * base::normal(box.seed, static_cast<std::uint64_t>(place));
    }
  });
  out.copy_(values);
}

void fill_normal(at::Tensor out, const RandomBox& box) {
  const auto* table = cuda_kernels_for(out);
  if (table == nullptr || !out.is_contiguous()) return fill_normal_reference(out, box);
  table->fill_normal(cuda_type(out.scalar_type()), out.mutable_data_ptr(),
                     {box.seed, box.standard_deviation, out.size(0), out.size(1), box.first_row,
                      box.first_column, box.whole_columns},
                     current_cuda_stream(out));
  check_launch(*table, "fill_normal");
}

}  // namespace r1::kernels
