// Chunk sizes, logits of chunks, and gradients accumulated over chunks.
#include "vocabulary/vocab_chunks.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels/logits.h"
#include "kernels/vocab_rows.h"

namespace r1::vocabulary {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class GivenGradients : public torch::autograd::Function<GivenGradients> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& /*hidden*/,
                            const at::Tensor& /*head_weight*/, const at::Tensor& loss,
                            const HeadGradients& gradients) {
    context->save_for_backward({gradients.hidden(), gradients.weight()});
    return loss.clone();
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    variable_list gradients = context->get_saved_variables();
    // In place: the head's is large, and a second backward through it is an error of autograd's.
    for (auto& gradient : gradients)
      if (gradient.defined()) gradient.mul_(grads[0]);
    return {gradients[0], gradients[1], {}, {}};
  }
};

}  // namespace

std::int64_t choose_chunk(std::int64_t wanted, const VocabHead& head, std::int64_t num_tokens) {
  const auto row = (head.vocab_size() + head.ranks->size() - 1) / head.ranks->size();
  const std::int64_t row_bytes =
      std::max<std::int64_t>(1, row * static_cast<std::int64_t>(head.weight.element_size()));
  const std::int64_t fitting = kernels::logit_rows_at_once(head.weight, row_bytes);
  return std::max<std::int64_t>(1, std::min(wanted > 0 ? wanted : fitting, num_tokens));
}

LogitChunks::LogitChunks(const at::Tensor& hidden, const at::Tensor& head_weight,
                         std::int64_t chunk)
    : hidden_(hidden.detach()), weight_(head_weight.detach()) {
  const auto options = head_weight.options().requires_grad(false);
  buffer_ = at::empty({chunk, weight_.size(0)},
                      options.dtype(kernels::statistics_dtype(head_weight.scalar_type())));
  if (kernels::needs_narrow_logits(weight_)) narrow_ = at::empty({chunk, weight_.size(0)}, options);
}

at::Tensor LogitChunks::form(std::int64_t begin, std::int64_t count) {
  at::Tensor logits = buffer_.narrow(0, 0, count);
  at::Tensor narrow = narrow_.defined() ? narrow_.narrow(0, 0, count) : narrow_;
  kernels::form_logits(logits, hidden_.narrow(0, begin, count), weight_, narrow);
  return logits;
}

HeadGradients::HeadGradients(const at::Tensor& hidden, const at::Tensor& head_weight,
                             bool need_hidden, bool need_weight)
    : hidden_states_(hidden.detach()), weight_(head_weight.detach()) {
  if (need_hidden) grad_hidden_ = at::empty_like(hidden_states_, at::MemoryFormat::Contiguous);
  if (need_weight)
    grad_weight_ = at::zeros(
        weight_.sizes(), weight_.options().dtype(kernels::statistics_dtype(weight_.scalar_type())));
}

at::Tensor HeadGradients::narrow(std::int64_t count) {
  if (kernels::statistics_dtype(weight_.scalar_type()) == weight_.scalar_type()) return {};
  if (!narrow_.defined() || narrow_.size(0) < count)
    narrow_ = at::empty({count, weight_.size(0)}, weight_.options());
  return narrow_.narrow(0, 0, count);
}

void HeadGradients::add(const at::Tensor& grad_logits, std::int64_t begin) {
  const std::int64_t count = grad_logits.size(0);
  if (grad_hidden_.defined()) {
    at::Tensor rows = grad_hidden_.narrow(0, begin, count);
    at::mm_out(rows, grad_logits, weight_);
  }
  if (!grad_weight_.defined()) return;
  const at::Tensor hidden = hidden_states_.narrow(0, begin, count);
  kernels::add_product_(grad_weight_, grad_logits.t(), hidden, product_);
}

at::Tensor with_gradients(const at::Tensor& loss, const at::Tensor& hidden,
                          const at::Tensor& head_weight, const HeadGradients& gradients) {
  return GivenGradients::apply(hidden, head_weight, loss, gradients);
}

void sum_gradient(at::Tensor grad_hidden, Communicator& ranks) {
  if (ranks.size() > 1)
    ranks.all_reduce(std::move(grad_hidden), ReduceOp::Sum, "gradient of hidden states").wait();
}

}  // namespace r1::vocabulary
