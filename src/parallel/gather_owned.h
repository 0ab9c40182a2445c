#pragma once
// Parameters made whole again after every rank has changed what it owns of them (ZeRO).
#include <ATen/core/Tensor.h>

#include <span>

#include "parallel/communicator.h"
#include "parallel/flat_partition.h"

namespace r1::parallel {

/// Fills each of `parameters`, in its own dtype, with the ranges that the ranks own. The partition
/// is that of these parameters over `ranks`. Besides the parameters three buckets are in memory at
/// a time. Collective over: ranks.
void gather_owned(const FlatPartition& partition, std::span<const at::Tensor> parameters,
                  Communicator& ranks);

}  // namespace r1::parallel
