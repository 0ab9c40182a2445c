#include "nn/activation_checkpoint.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "tensor/host_memory.h"

namespace r1::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct FunctionHolder : torch::CustomClassHolder {
  explicit FunctionHolder(TensorFunction f) : function(std::move(f)) {}
  TensorFunction function;
};

thread_local bool computing_again = false;

class ComputesAgain {
 public:
  ComputesAgain() : before_(computing_again) { computing_again = true; }
  ~ComputesAgain() { computing_again = before_; }
  ComputesAgain(const ComputesAgain&) = delete;
  ComputesAgain& operator=(const ComputesAgain&) = delete;

 private:
  bool before_;
};

class Checkpointed : public torch::autograd::Function<Checkpointed> {
 public:
  static variable_list forward(AutogradContext* context, const TensorFunction& function,
                               KeepInputs keep, at::TensorList inputs) {
    context->saved_data["function"] =
        c10::IValue::make_capsule(c10::make_intrusive<FunctionHolder>(function));
    auto kept = inputs.vec();
    if (keep == KeepInputs::OnHost)
      for (auto& input : kept) input = tensor::kept_on_host(input);
    context->saved_data["device"] = inputs[0].device();
    context->save_for_backward(kept);
    return function(inputs.vec());  // custom functions run their forward without grad mode
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto holder = context->saved_data["function"].toCapsule();
    const auto device = context->saved_data["device"].toDevice();
    std::vector<at::Tensor> inputs;
    for (const auto& saved : context->get_saved_variables())
      inputs.push_back(saved.defined() ? saved.detach()
                                             .to(device, /*non_blocking=*/true)
                                             .requires_grad_(saved.is_floating_point())
                                       : saved);
    at::AutoGradMode grad_mode(true);
    const auto outputs = [&] {
      const ComputesAgain again;
      return static_cast<FunctionHolder&>(*holder).function(inputs);
    }();
    variable_list used_outputs, used_gradients;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (gradients[i].defined()) {
        used_outputs.push_back(outputs[i]);
        used_gradients.push_back(gradients[i]);
      }
    torch::autograd::backward(used_outputs, used_gradients);
    variable_list result{at::Tensor(), at::Tensor()};  // for `function` and `keep`
    for (const auto& input : inputs)
      result.push_back(input.defined() ? input.grad() : at::Tensor());
    return result;
  }
};

}  // namespace

std::vector<at::Tensor> checkpointed(const TensorFunction& function,
                                     const std::vector<at::Tensor>& inputs, KeepInputs keep) {
  return Checkpointed::apply(function, keep, at::TensorList(inputs));
}

bool computes_again() {
  return computing_again;
}

}  // namespace r1::nn
