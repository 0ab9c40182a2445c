#include "models/bert_classifier/bert_classifier.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <limits>

#include "base/errors.h"

namespace r1::models {
namespace {

at::Tensor apply(const BertLinear& linear, const at::Tensor& x) {
  return at::linear(x, linear.weight, linear.bias);
}

}  // namespace

BertClassifier::BertClassifier(const BertShape& shape, at::ScalarType dtype, at::Device device)
    : shape_(shape), dtype_(dtype), device_(device) {
  const auto options = at::TensorOptions(device).dtype(dtype);
  const auto width = shape.hidden_size, inner = shape.intermediate_size;
  const auto linear = [&](std::int64_t out, std::int64_t in) {
    return BertLinear{at::empty({out, in}, options), at::empty({out}, options)};
  };
  const auto norm = [&] {
    return BertNorm{at::empty({width}, options), at::empty({width}, options)};
  };
  words_ = at::empty({shape.vocab_size, width}, options);
  positions_ = at::empty({shape.max_position_embeddings, width}, options);
  types_ = at::empty({shape.type_vocab_size, width}, options);
  embedding_norm_ = norm();
  for (std::int64_t i = 0; i < shape.num_hidden_layers; ++i)
    layers_.push_back({linear(width, width), linear(width, width), linear(width, width),
                       linear(width, width), norm(), linear(inner, width), linear(width, inner),
                       norm()});
  pooler_ = linear(width, width);
  head_ = linear(shape.num_labels, width);
  register_parameters();
}

at::Tensor BertClassifier::norm(const at::Tensor& x, const BertNorm& norm) const {
  return at::layer_norm(x, {shape_.hidden_size}, norm.weight, norm.bias, shape_.layer_norm_eps);
}

at::Tensor BertClassifier::layer_forward(const BertLayer& layer, const at::Tensor& hidden,
                                         const at::Tensor& mask) const {
  const auto sequences = hidden.size(0), tokens = hidden.size(1);
  const auto head_width = shape_.hidden_size / shape_.num_attention_heads;
  const auto heads = [&](const BertLinear& linear) {
    return apply(linear, hidden)
        .view({sequences, tokens, shape_.num_attention_heads, head_width})
        .transpose(1, 2);
  };
  const auto scores = at::matmul(heads(layer.query), heads(layer.key).transpose(2, 3)) /
                      std::sqrt(static_cast<double>(head_width));
  const auto accurate = dtype_ == at::kDouble ? at::kDouble : at::kFloat;
  const auto shares = at::softmax(scores.to(accurate) + mask.to(accurate), -1).to(dtype_);
  const auto mixed = at::matmul(shares, heads(layer.value))
                         .transpose(1, 2)
                         .reshape({sequences, tokens, shape_.hidden_size});
  const auto middle = norm(apply(layer.attended, mixed) + hidden, layer.attention_norm);
  return norm(apply(layer.outer, at::gelu(apply(layer.inner, middle))) + middle, layer.output_norm);
}

BertOutput BertClassifier::forward(const at::Tensor& token_ids, const at::Tensor& positions,
                                   const at::Tensor& token_types, const at::Tensor& lengths) const {
  const auto places = at::arange(token_ids.size(1), token_ids.options());
  const auto padding = places.unsqueeze(0).ge(lengths.unsqueeze(1));  // [N, T]
  const auto mask = at::zeros(padding.sizes(), words_.options())
                        .masked_fill(padding, -std::numeric_limits<double>::infinity())
                        .unsqueeze(1)
                        .unsqueeze(1);
  auto hidden = norm(at::embedding(words_, token_ids) + at::embedding(types_, token_types) +
                         at::embedding(positions_, positions),
                     embedding_norm_);
  for (const auto& layer : layers_) hidden = layer_forward(layer, hidden, mask);
  BertOutput output;
  output.hidden = hidden;
  output.pooled = at::tanh(apply(pooler_, hidden.select(1, 0)));
  output.logits = apply(head_, output.pooled);
  return output;
}

void BertClassifier::check(const ClassifierInput& input) const {
  const auto length = input.ids.size();
  if (length == 0 || static_cast<std::int64_t>(length) > max_tokens())
    throw base::InputError(fmt::format("classifier: expected a text of 1 to {} tokens, found {}",
                                       max_tokens(), length));
  const auto expect_below = [&](const std::vector<std::int64_t>& values, std::int64_t limit,
                                const char* name) {
    for (const auto value : values)
      if (value < 0 || value >= limit)
        throw base::InputError(
            fmt::format("classifier: expected {} from 0 to {}, found {}", name, limit - 1, value));
    if (!values.empty() && values.size() != length)
      throw base::InputError(fmt::format("classifier: expected {} {}, one a token, found {}",
                                         length, name, values.size()));
  };
  expect_below(input.ids, shape_.vocab_size, "token ids");
  expect_below(input.positions, shape_.max_position_embeddings, "positions");
  expect_below(input.token_types, shape_.type_vocab_size, "token types");
}

at::Tensor BertClassifier::classify(const std::vector<ClassifierInput>& inputs) const {
  if (inputs.empty()) return at::empty({0, shape_.num_labels}, at::kFloat);
  std::vector<std::int64_t> lengths;
  for (const auto& input : inputs) {
    check(input);
    lengths.push_back(static_cast<std::int64_t>(input.ids.size()));
  }
  const c10::InferenceMode inference;
  const auto longest = *std::max_element(lengths.begin(), lengths.end());
  const auto num_rows = static_cast<std::int64_t>(inputs.size());
  auto ids = at::zeros({num_rows, longest}, at::kLong), types = at::zeros_like(ids);
  auto positions = at::arange(longest, at::kLong).repeat({num_rows, 1});
  for (std::int64_t i = 0; i < num_rows; ++i) {
    const auto fill = [&](at::Tensor& rows, const std::vector<std::int64_t>& values) {
      std::copy(values.begin(), values.end(), rows.mutable_data_ptr<std::int64_t>() + i * longest);
    };
    const auto& input = inputs[static_cast<std::size_t>(i)];
    fill(ids, input.ids);
    fill(positions, input.positions);
    fill(types, input.token_types);
  }
  return forward(ids.to(device_), positions.to(device_), types.to(device_),
                 at::tensor(lengths, at::kLong).to(device_))
      .logits.to(at::kCPU, at::kFloat);
}

}  // namespace r1::models
