#include "kernels/sampling.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "kernels/cpu_dispatch.h"

namespace r1::kernels {
namespace {

std::vector<SampledToken> sample_cpu(const at::Tensor& logits,
                                     std::span<const SampleRequest> requests) {
  std::vector<SampledToken> tokens(requests.size());
  const auto rows = logits.contiguous();
  const auto vocab_size = rows.size(1);
  dispatch_cpu(rows.scalar_type(), [&]<class T>() {
    at::parallel_for(0, rows.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
      SampleScratch<T> scratch;
      for (std::int64_t row = begin; row < end; ++row)
        tokens[static_cast<std::size_t>(row)] =
            sample_row(rows.const_data_ptr<T>() + row * vocab_size, vocab_size,
                       requests[static_cast<std::size_t>(row)], scratch);
    });
  });
  return tokens;
}

/// Sets the probability of every token outside top-k, and then outside top-p of what top-k left, to
/// zero.
at::Tensor keep_top(const at::Tensor& probabilities, double top_p, std::int64_t top_k) {
  const auto [sorted, order] = probabilities.sort(/*stable=*/true, -1, /*descending=*/true);
  auto kept = sorted;
  if (top_k > 0 && top_k < sorted.size(1))
    kept = at::cat({sorted.narrow(1, 0, top_k), at::zeros_like(sorted.slice(1, top_k))}, 1);
  if (top_p < 1.0) {
    const auto before = kept.cumsum(-1) - kept;
    kept = kept.masked_fill(before >= kept.sum(-1, true) * top_p, 0.0);
  }
  return at::zeros_like(probabilities).scatter_(1, order, kept);
}

}  // namespace

std::vector<SampledToken> sample_reference(const at::Tensor& logits,
                                           std::span<const SampleRequest> requests) {
  const auto& first = requests.front();
  const bool greedy = first.temperature <= 0.0;
  const auto wide = logits.to(logits.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  const auto logprobs = at::log_softmax(greedy ? wide : wide / first.temperature, -1);
  at::Tensor tokens, kept_mass = at::ones({logits.size(0)}, wide.options());
  if (greedy) {
    tokens = logprobs.argmax(-1);
  } else {
    auto probabilities = logprobs.exp();
    if (first.top_k > 0 || first.top_p < 1.0)
      probabilities = keep_top(probabilities, first.top_p, first.top_k);
    const auto cumulative = probabilities.to(at::kDouble).cumsum(-1);
    kept_mass = cumulative.select(1, -1);
    std::vector<double> uniforms;
    for (const auto& request : requests) uniforms.push_back(request.uniform);
    const auto thresholds = at::tensor(uniforms, at::kDouble).to(logits.device()) * kept_mass;
    tokens =
        at::searchsorted(cumulative, thresholds.unsqueeze(1), false, /*right=*/true).squeeze(1);
    tokens.clamp_max_(logits.size(1) - 1);
  }
  const auto chosen = logprobs.gather(1, tokens.unsqueeze(1)).squeeze(1).to(at::kDouble);
  const auto host =
      at::stack({tokens.to(at::kDouble), chosen, kept_mass.to(at::kDouble)}).cpu();  // one transfer
  const auto* values = host.const_data_ptr<double>();
  const auto count = requests.size();
  std::vector<SampledToken> result(count);
  for (std::size_t i = 0; i < count; ++i)
    result[i] = {static_cast<std::int64_t>(values[i]), values[count + i], values[2 * count + i]};
  return result;
}

std::vector<SampledToken> sample(const at::Tensor& logits,
                                 std::span<const SampleRequest> requests) {
  return logits.is_cpu() ? sample_cpu(logits, requests) : sample_reference(logits, requests);
}

}  // namespace r1::kernels
