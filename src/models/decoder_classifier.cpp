#include "models/decoder_classifier.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "base/errors.h"
#include "models/registry.h"
#include "models/weights.h"

namespace r1::models {
namespace {

/// Tokens of one forward pass; a longer sequence has one of its own.
constexpr std::size_t kBatchTokens = 8192;

/// The decoder's tensors alone: all but the score head.
class DecoderPart final : public WeightSource {
 public:
  explicit DecoderPart(const WeightSource& whole) : whole_(whole) {}
  const std::string& path() const override { return whole_.path(); }
  std::string file_of(const std::string& name) const override { return whole_.file_of(name); }
  std::vector<std::string> names() const override {
    auto names = whole_.names();
    std::erase(names, kScoreWeight);
    return names;
  }
  bool has(const std::string& name) const override { return whole_.has(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return whole_.shape(name);
  }
  at::ScalarType dtype(const std::string& name) const override { return whole_.dtype(name); }
  at::Tensor read(const std::string& name) const override { return whole_.read(name); }
  void fill(const at::Tensor& rows, const WeightSlice& slice) const override {
    whole_.fill(rows, slice);
  }
  std::int64_t bytes_read() const override { return whole_.bytes_read(); }

 private:
  const WeightSource& whole_;
};

}  // namespace

DecoderClassifier::DecoderClassifier(std::unique_ptr<Model> decoder, at::Tensor score)
    : decoder_(std::move(decoder)),
      score_(std::move(score)),
      parameters_(std::as_const(*decoder_).parameters()) {
  parameters_.push_back({score_, {{kScoreWeight, 0, score_.size(0)}}});
}

void DecoderClassifier::check(const ClassifierInput& input) const {
  const auto& [ids, positions, token_types] = input;
  if (ids.empty()) throw base::InputError("a text to classify has no tokens");
  if (static_cast<std::int64_t>(ids.size()) > max_tokens())
    throw base::InputError(fmt::format(
        "a text to classify has {} tokens, the classifier at most {}", ids.size(), max_tokens()));
  if (!positions.empty() && positions.size() != ids.size())
    throw base::InputError(
        fmt::format("expected {} positions, one a token, found {}", ids.size(), positions.size()));
  if (!token_types.empty())
    throw base::InputError("this classifier's tokens have no types, found token_type_ids");
  for (const auto id : ids)
    if (id < 0 || id >= decoder_->shape().vocab_size)
      throw base::InputError(fmt::format("the classifier has token ids 0 to {}, found {}",
                                         decoder_->shape().vocab_size - 1, id));
}

at::Tensor DecoderClassifier::outputs(std::span<const ClassifierInput> inputs,
                                      bool last_tokens) const {
  std::vector<std::int64_t> tokens, places, rows;
  std::vector<nn::Segment> segments;
  for (const auto& input : inputs) {
    const auto start = static_cast<std::int64_t>(tokens.size());
    const auto length = static_cast<std::int64_t>(input.ids.size());
    segments.push_back({start, length, -1});
    rows.push_back(start + length - 1);
    tokens.insert(tokens.end(), input.ids.begin(), input.ids.end());
    for (std::int64_t i = 0; i < length; ++i)
      places.push_back(input.positions.empty() ? i : input.positions[static_cast<std::size_t>(i)]);
  }
  const at::NoGradGuard no_grad;
  const auto device = decoder_->device();
  const auto to_device = [&](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::kLong).to(device);
  };
  auto hidden = decoder_->forward(
      {to_device(tokens),
       to_device(places),
       {nn::make_packed_attention(segments, decoder_->dtype(), device), nullptr, {}}});
  if (last_tokens) hidden = hidden.index_select(0, to_device(rows));
  return at::linear(hidden, score_).to(at::kCPU, at::kFloat);
}

at::Tensor DecoderClassifier::classify(const std::vector<ClassifierInput>& inputs) const {
  if (inputs.empty()) return at::empty({0, num_labels()}, at::kFloat);
  std::vector<at::Tensor> parts;
  for (std::size_t begin = 0, end = 0; begin < inputs.size(); begin = end) {
    std::size_t tokens = 0;
    for (end = begin; end < inputs.size(); ++end) {
      check(inputs[end]);
      if (end > begin && tokens + inputs[end].ids.size() > kBatchTokens) break;
      tokens += inputs[end].ids.size();
    }
    parts.push_back(outputs(std::span(inputs).subspan(begin, end - begin), /*last_tokens=*/true));
  }
  return at::cat(parts);
}

at::Tensor DecoderClassifier::values(const ClassifierInput& input) const {
  check(input);
  return outputs({&input, 1}, /*last_tokens=*/false);
}

std::unique_ptr<SequenceClassifier> load_decoder_classifier(const std::string& folder,
                                                            at::ScalarType dtype,
                                                            at::Device device) {
  auto files = open_model(folder);
  files.shape.tie_word_embeddings = true;  // no head over the vocabulary
  auto decoder = make_model(files.shape, dtype, device);
  load_weights(*decoder, DecoderPart(*files.weights));
  if (!files.weights->has(kScoreWeight))
    throw base::InputError(
        fmt::format("{}: tensor '{}' is missing", files.weights->path(), kScoreWeight));
  const auto sizes = files.weights->shape(kScoreWeight);
  if (sizes.size() != 2 || sizes[0] == 0 || sizes[1] != files.shape.hidden_size)
    throw base::InputError(fmt::format("{}: tensor '{}': expected shape [labels, {}], found {}",
                                       files.weights->path(), kScoreWeight, files.shape.hidden_size,
                                       shape_text(sizes)));
  auto score = files.weights->read(kScoreWeight).to(at::TensorOptions(device).dtype(dtype));
  return std::make_unique<DecoderClassifier>(std::move(decoder), std::move(score));
}

}  // namespace r1::models
