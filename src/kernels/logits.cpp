// Logits of all rows: a matrix product; on the CPU the logits of likely ids are then computed in
// fp32.
#include "kernels/logits.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "kernels/logit_row_loops.h"
#include "kernels/vocab_rows.h"

namespace r1::kernels {
namespace {

// Larger chunks read the head's weight and add into its gradient less often, smaller ones keep the
// chunk's logits in cache. Measured with V = 49,152, D = 576, bf16.
constexpr std::int64_t kCpuChunkBytes = std::int64_t{48} << 20;
constexpr std::int64_t kDeviceChunkBytes = std::int64_t{512} << 20;
constexpr std::int64_t kDeviceStep = 128;

void widen_rows(at::Tensor& out, const at::Tensor& narrow, const at::Tensor& hidden,
                const at::Tensor& head_weight) {
  const auto bits = [](const at::Tensor& t) { return t.const_data_ptr<at::BFloat16>(); };
  const std::int64_t vocab_size = out.size(1), width = hidden.size(1);
  at::parallel_for(0, out.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    LikelyScratch scratch;
    for (std::int64_t row = begin; row < end; ++row)
      widen_logits(bits(narrow) + row * vocab_size, vocab_size, bits(hidden) + row * width,
                   bits(head_weight), width, scratch, out.data_ptr<float>() + row * vocab_size);
  });
}

}  // namespace

std::int64_t logit_rows_at_once(const at::Tensor& head_weight, std::int64_t row_bytes) {
  if (head_weight.is_cpu()) return kCpuChunkBytes / row_bytes;
  return std::max(kDeviceStep, kDeviceChunkBytes / row_bytes / kDeviceStep * kDeviceStep);
}

bool needs_narrow_logits(const at::Tensor& head_weight) {
  return head_weight.is_cpu() && head_weight.scalar_type() == at::kBFloat16;
}

void form_logits(at::Tensor& out, const at::Tensor& hidden, const at::Tensor& head_weight,
                 at::Tensor& narrow) {
  const at::NoGradGuard no_grad;
  const at::Tensor weight = head_weight.detach();
  if (needs_narrow_logits(weight)) {
    const at::Tensor rows = hidden.detach().contiguous();
    at::mm_out(narrow, rows, weight.t());
    widen_rows(out, narrow, rows, weight.contiguous());
  } else if (weight.scalar_type() == out.scalar_type()) {
    at::mm_out(out, hidden.detach(), weight.t());
  } else {
    at::mm_out(out, hidden.detach(), weight.t(), out.scalar_type());
  }
}

at::Tensor form_logits(const at::Tensor& hidden, const at::Tensor& head_weight) {
  const auto options = head_weight.options().requires_grad(false);
  const std::int64_t num_rows = hidden.size(0), vocab_size = head_weight.size(0);
  at::Tensor out =
      at::empty({num_rows, vocab_size}, options.dtype(statistics_dtype(head_weight.scalar_type())));
  at::Tensor narrow;
  if (needs_narrow_logits(head_weight)) narrow = at::empty({num_rows, vocab_size}, options);
  form_logits(out, hidden, head_weight, narrow);
  return out;
}

}  // namespace r1::kernels
