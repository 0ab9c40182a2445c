#pragma once
// Gathers whole parameters after every rank has updated the ranges that it owns (ZeRO).
#include <ATen/core/Tensor.h>

#include <span>

#include "parallel/communicator.h"
#include "parallel/flat_partition.h"

namespace r1::parallel {

/// Fills each of `parameters`, in the parameter's dtype, with the ranges that the ranks own.
/// Parameters of units are left out: they are gathered when they are needed. `partition` is the
/// partition of these parameters over `ranks`. Besides the parameters, at most
/// three buckets are in memory at a time. Collective over: ranks.
void gather_owned(const FlatPartition& partition, std::span<const at::Tensor> parameters,
                  Communicator& ranks);

}  // namespace r1::parallel
