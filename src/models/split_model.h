#pragma once
// What the ranks that hold one model together do with all of its parameters: which copy counts,
// sums of gradients, the whole model out of its parts.
#include <functional>
#include <map>
#include <memory>
#include <span>

#include "models/model.h"

namespace r1::models {

/// Whether this rank's copy of a slice counts in a sum over `axes`.experts, which spans all ranks
/// that hold the model: each number of the model then counts once.
bool counts(const Parameter& parameter, const WeightSlice& slice, const parallel::ModelAxes& axes);

/// Makes partial gradients whole (WeightSlice::partial_gradient). gradient(i): that of parameter i,
/// shaped like it; one dtype. One reduction. Collective over: axes.tensor.
void sum_partial_gradients(std::span<const Parameter> parameters,
                           const std::function<at::Tensor(std::size_t)>& gradient,
                           const parallel::ModelAxes& axes);

/// Names and shapes of the tensors of a whole model, in its order.
std::vector<std::pair<std::string, std::vector<std::int64_t>>> whole_tensors(
    const ModelShape& shape);

/// Puts whole tensors into the parts of them that parameters hold.
class WholeTensors {
 public:
  explicit WholeTensors(std::vector<Parameter> parameters);
  /// Nothing for a tensor of which these parameters hold no part.
  void fill(const std::string& name, const at::Tensor& whole);
  /// Adds this rank's part of a tensor to `whole`, which is zero there, if it counts.
  void add_counted(const std::string& name, at::Tensor whole,
                   const parallel::ModelAxes& axes) const;
  /// The tensor if it is here as a whole; else undefined.
  at::Tensor find_whole(const std::string& name) const;

 private:
  std::vector<Parameter> parameters_;
  std::map<std::string, std::pair<const Parameter*, const WeightSlice*>> places_;
};

/// The whole model on the CPU, in the dtype of its first parameter, where `keep` is set (null
/// elsewhere). `parameters`: this rank's, in any dtype. One tensor more than the model is held at a
/// time. Collective over: axes.experts.
std::unique_ptr<Model> gather_model(std::span<const Parameter> parameters, const ModelShape& shape,
                                    const parallel::ModelAxes& axes, bool keep);

/// Calls function(name, tensor) on every rank for each tensor of the whole model, in its order; the
/// tensor is on the device of the parameters, in their dtype. Collective over: axes.experts.
void for_each_whole_tensor(
    std::span<const Parameter> parameters, const ModelShape& shape, const parallel::ModelAxes& axes,
    const std::function<void(const std::string& name, const at::Tensor& whole)>& function);

}  // namespace r1::models
