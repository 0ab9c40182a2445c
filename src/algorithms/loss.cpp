// Helpers for ragged sequences, shared by the losses.
#include "algorithms/loss.h"

#include <ATen/ATen.h>

namespace r1::algorithms {

at::Tensor sequence_ids_of(const at::Tensor& lengths) {
  return at::repeat_interleave(at::arange(lengths.size(0), lengths.options()), lengths);
}

at::Tensor sequence_sums(const at::Tensor& values, const at::Tensor& sequence_ids,
                         const at::Tensor& lengths) {
  return at::zeros(lengths.sizes(), values.options()).index_add(0, sequence_ids, values);
}

at::Tensor sequence_means(const at::Tensor& values, const at::Tensor& sequence_ids,
                          const at::Tensor& lengths) {
  return sequence_sums(values, sequence_ids, lengths) /
         lengths.clamp_min(1).to(values.scalar_type());
}

}  // namespace r1::algorithms
