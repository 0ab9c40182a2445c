#pragma once
// Operations on all parameters of one model that several ranks hold together: which copy counts,
// sums of gradients, the whole model gathered from its parts.
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <span>

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

/// Copies whole tensors into the parts that the parameters of this rank hold.
class WholeTensors {
 public:
  explicit WholeTensors(std::vector<Parameter> parameters);
  /// Does nothing if the parameters hold no part of the tensor.
  void fill(const std::string& name, const at::Tensor& whole);

 private:
  std::vector<Parameter> parameters_;
  std::map<std::string, std::pair<const Parameter*, const WeightSlice*>> places_;
};

/// Values of parameters, computed on request, once per parameter: a tensor in the parameter's
/// shape. `options`: device of the values, and dtype of a model with these values.
struct ParameterValues {
  at::TensorOptions options;
  std::function<at::Tensor(std::size_t parameter)> value;
};

/// Gathers the whole model on the CPU of the ranks that set `keep`, in the dtype of the values; the
/// other ranks receive null. `parameters`: this rank's parameters. Besides the model, only one
/// parameter and one tensor are in memory at a time. Collective over: the experts axis.
std::unique_ptr<Model> gather_model(std::span<const Parameter> parameters,
                                    const ParameterValues& values, const ModelShape& shape,
                                    const parallel::ModelAxes& axes, bool keep);

using UseTensor = std::function<void(const std::string& name, const at::Tensor& whole)>;

/// Calls use(name, tensor) on every rank for each tensor of the whole model, in the order of the
/// model. The tensor is on the device of the values, in the dtype of whole_tensors(). Collective
/// over: the experts axis.
void for_each_whole_tensor(std::span<const Parameter> parameters, const ParameterValues& values,
                           const ModelShape& shape, const parallel::ModelAxes& axes,
                           const UseTensor& use);
/// Uses the values in the parameters and the dtype of the first parameter.
void for_each_whole_tensor(std::span<const Parameter> parameters, const ModelShape& shape,
                           const parallel::ModelAxes& axes, const UseTensor& use);

}  // namespace r1::models
