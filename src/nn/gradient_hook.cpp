#include "nn/gradient_hook.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace r1::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct CallHolder : torch::CustomClassHolder {
  explicit CallHolder(std::function<void()> c) : call(std::move(c)) {}
  std::function<void()> call;
};

class GradientHook : public torch::autograd::Function<GradientHook> {
 public:
  static variable_list forward(AutogradContext* context, const std::function<void()>& call,
                               at::TensorList tensors) {
    context->saved_data["call"] = c10::IValue::make_capsule(c10::make_intrusive<CallHolder>(call));
    context->set_materialize_grads(false);
    variable_list views;
    for (const auto& tensor : tensors) views.push_back(tensor.view_as(tensor));
    return views;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    static_cast<CallHolder&>(*context->saved_data["call"].toCapsule()).call();
    variable_list result{at::Tensor()};  // for `call`
    result.insert(result.end(), gradients.begin(), gradients.end());
    return result;
  }
};

}  // namespace

std::vector<at::Tensor> when_gradients_arrive(const std::vector<at::Tensor>& tensors,
                                              const std::function<void()>& call) {
  return GradientHook::apply(call, at::TensorList(tensors));
}

}  // namespace r1::nn
