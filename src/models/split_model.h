#pragma once
// Operations on all parameters of one model that several ranks hold together: which copy counts,
// sums of gradients, the list of the whole model's tensors.
#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <vector>

#include "models/model.h"

namespace r1::models {

/// Whether this rank's copy of a slice counts in a sum over the experts axis, which spans all ranks
/// that hold the model. Each number of the model counts once.
bool counts(const Parameter& parameter, const WeightSlice& slice, const parallel::ModelAxes& axes);
/// The part of counts() that depends only on the rank, for parameters that are not split over the
/// experts axis.
bool counts_shared_parameters(const parallel::ModelAxes& axes);

/// Elements from `begin` on of the parameter with index `parameter`, in row-major order; `values`
/// is flat. A FlatRange is the part of a parameter that a rank owns (ZeRO), or the whole parameter.
struct FlatRange {
  std::size_t parameter;
  std::int64_t begin;
  at::Tensor values;
};

/// The part of a flat range that belongs to a slice: elements [in_slice, in_slice + values.numel())
/// of the slice's rows. `values` is a view of the range, and empty if range and slice do not
/// overlap.
struct SlicePart {
  std::int64_t in_slice = 0;
  at::Tensor values;
};
SlicePart part_of(const FlatRange& range, const Parameter& parameter, const WeightSlice& slice);

/// Completes partial gradients (WeightSlice::partial_gradient). `gradients`: at most one range per
/// parameter; the ranges of all ranks of `data` cover the parameters. `options`: dtype and device
/// of the sums. One reduction over each axis. Collective over: the tensor axis, data.
void sum_partial_gradients(std::span<const Parameter> parameters,
                           std::span<const FlatRange> gradients, const at::TensorOptions& options,
                           const parallel::ModelAxes& axes, parallel::Communicator& data);

/// A tensor of the whole model: name in Hugging Face files, shape and dtype.
struct WholeTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  at::ScalarType dtype;
};
/// The tensors of the whole model in `dtype`, in the order of the model. A tensor that the model
/// holds wider than its other weights (a router's balance bias) has its own dtype.
std::vector<WholeTensor> whole_tensors(const ModelShape& shape, at::ScalarType dtype);
/// The tensors of Model::trained_parameters() of the whole model: the adapters, or as
/// whole_tensors().
std::vector<WholeTensor> whole_trained_tensors(const ModelShape& shape, at::ScalarType dtype);

}  // namespace r1::models
