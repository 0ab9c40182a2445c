#pragma once
// What the ranks that hold one model together do with all of its parameters: which copy counts,
// sums of gradients, the whole model out of its parts.
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <span>

#include "models/model.h"

namespace r1::models {

/// Whether this rank's copy of a slice counts in a sum over `axes`.experts, which spans all ranks
/// that hold the model: each number of the model then counts once.
bool counts(const Parameter& parameter, const WeightSlice& slice, const parallel::ModelAxes& axes);
/// Its part that depends on the rank alone, for parameters that are not split over the expert axis.
bool counts_shared_parameters(const parallel::ModelAxes& axes);

/// Elements from `begin` on of the parameter with that number, row-major; `values` is flat. What a
/// rank owns of a parameter (ZeRO), or all of it.
struct FlatRange {
  std::size_t parameter;
  std::int64_t begin;
  at::Tensor values;
};

/// What a flat range holds of a slice: elements [in_slice, in_slice + values.numel()) of its rows,
/// a view of the range. Empty where they have nothing in common.
struct SlicePart {
  std::int64_t in_slice = 0;
  at::Tensor values;
};
SlicePart part_of(const FlatRange& range, const Parameter& parameter, const WeightSlice& slice);

/// Makes partial gradients whole (WeightSlice::partial_gradient). `gradients`: at most one range of
/// each parameter; those of the ranks of `data` make up the parameters. Summed as `options` say, in
/// one reduction over each axis. Collective over: the tensor axis, data.
void sum_partial_gradients(std::span<const Parameter> parameters,
                           std::span<const FlatRange> gradients, const at::TensorOptions& options,
                           const parallel::ModelAxes& axes, parallel::Communicator& data);

/// A tensor of a whole model: its name in Hugging Face files, its shape and its dtype.
struct WholeTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  at::ScalarType dtype;
};
/// The tensors of a whole model of this dtype, in its order. A tensor has a dtype of its own where
/// the model holds it wider than its other weights (a router's balance bias).
std::vector<WholeTensor> whole_tensors(const ModelShape& shape, at::ScalarType dtype);

/// Puts whole tensors into the parts of them that parameters hold.
class WholeTensors {
 public:
  explicit WholeTensors(std::vector<Parameter> parameters);
  /// Nothing for a tensor of which these parameters hold no part.
  void fill(const std::string& name, const at::Tensor& whole);

 private:
  std::vector<Parameter> parameters_;
  std::map<std::string, std::pair<const Parameter*, const WeightSlice*>> places_;
};

/// Values of parameters that are made when they are asked for, each once: a tensor shaped like the
/// parameter. `options`: their device, and the dtype of a model that holds such values.
struct ParameterValues {
  at::TensorOptions options;
  std::function<at::Tensor(std::size_t parameter)> value;
};

/// The whole model on the CPU, of the dtype of the values, where `keep` is set (null elsewhere).
/// `parameters`: this rank's. A parameter and a tensor more than the model are held at a time.
/// Collective over: the experts axis.
std::unique_ptr<Model> gather_model(std::span<const Parameter> parameters,
                                    const ParameterValues& values, const ModelShape& shape,
                                    const parallel::ModelAxes& axes, bool keep);

using UseTensor = std::function<void(const std::string& name, const at::Tensor& whole)>;

/// Calls use(name, tensor) on every rank for each tensor of the whole model, in its order. The
/// tensor is on the device of the values, in the dtype that whole_tensors() says. Collective over:
/// the experts axis.
void for_each_whole_tensor(std::span<const Parameter> parameters, const ParameterValues& values,
                           const ModelShape& shape, const parallel::ModelAxes& axes,
                           const UseTensor& use);
/// The same of the parameters' own values, in a model of the first parameter's dtype.
void for_each_whole_tensor(std::span<const Parameter> parameters, const ModelShape& shape,
                           const parallel::ModelAxes& axes, const UseTensor& use);

}  // namespace r1::models
