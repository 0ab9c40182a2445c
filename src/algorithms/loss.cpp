// Helpers for ragged sequences, shared by the losses.
#include "algorithms/loss.h"

#include <ATen/ATen.h>

namespace r1::algorithms {

at::Tensor sequence_ids_of(const at::Tensor& lengths) {
  return at::repeat_interleave(at::arange(lengths.size(0), lengths.options()), lengths);
}

}  // namespace r1::algorithms
