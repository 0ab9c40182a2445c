#include "models/decoder_classifier.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "base/errors.h"
#include "models/registry.h"
#include "models/weights.h"

namespace r1::models {
namespace {

/// Tokens of one forward pass; a longer sequence has one of its own.
constexpr std::size_t kBatchTokens = 8192;

const std::string kScore = "score.weight";

/// The decoder's tensors alone: all but the score head.
class DecoderPart final : public WeightSource {
 public:
  explicit DecoderPart(const WeightSource& whole) : whole_(whole) {}
  const std::string& path() const override { return whole_.path(); }
  std::vector<std::string> names() const override {
    auto names = whole_.names();
    std::erase(names, kScore);
    return names;
  }
  bool has(const std::string& name) const override { return whole_.has(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return whole_.shape(name);
  }
  at::Tensor read(const std::string& name) const override { return whole_.read(name); }

 private:
  const WeightSource& whole_;
};

}  // namespace

DecoderClassifier::DecoderClassifier(std::unique_ptr<Model> decoder, at::Tensor score)
    : decoder_(std::move(decoder)),
      score_(std::move(score)),
      parameters_(std::as_const(*decoder_).parameters()) {
  parameters_.push_back({score_, {{kScore, 0, score_.size(0)}}});
}

void DecoderClassifier::check(const std::vector<std::int64_t>& sequence,
                              std::size_t num_positions) const {
  if (sequence.empty()) throw base::InputError("a text to classify has no tokens");
  if (static_cast<std::int64_t>(sequence.size()) > max_tokens())
    throw base::InputError(
        fmt::format("a text to classify has {} tokens, the classifier at most {}", sequence.size(),
                    max_tokens()));
  if (num_positions != 0 && num_positions != sequence.size())
    throw base::InputError(fmt::format("expected {} positions, one a token, found {}",
                                       sequence.size(), num_positions));
  for (const auto id : sequence)
    if (id < 0 || id >= decoder_->shape().vocab_size)
      throw base::InputError(fmt::format("the classifier has token ids 0 to {}, found {}",
                                         decoder_->shape().vocab_size - 1, id));
}

at::Tensor DecoderClassifier::outputs(const std::vector<std::vector<std::int64_t>>& sequences,
                                      const std::vector<std::vector<std::int64_t>>& positions,
                                      std::size_t begin, std::size_t end, bool last_tokens) const {
  std::vector<std::int64_t> tokens, places, rows;
  std::vector<nn::Segment> segments;
  for (auto s = begin; s < end; ++s) {
    const auto start = static_cast<std::int64_t>(tokens.size());
    const auto length = static_cast<std::int64_t>(sequences[s].size());
    segments.push_back({start, length, -1});
    rows.push_back(start + length - 1);
    tokens.insert(tokens.end(), sequences[s].begin(), sequences[s].end());
    const bool given = !positions.empty() && !positions[s].empty();
    for (std::int64_t i = 0; i < length; ++i)
      places.push_back(given ? positions[s][static_cast<std::size_t>(i)] : i);
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

at::Tensor DecoderClassifier::logits_at(
    const std::vector<std::vector<std::int64_t>>& sequences,
    const std::vector<std::vector<std::int64_t>>& positions) const {
  if (sequences.empty()) return at::empty({0, num_labels()}, at::kFloat);
  std::vector<at::Tensor> parts;
  for (std::size_t begin = 0, end = 0; begin < sequences.size(); begin = end) {
    std::size_t tokens = 0;
    for (end = begin; end < sequences.size(); ++end) {
      check(sequences[end], positions.empty() ? 0 : positions[end].size());
      if (end > begin && tokens + sequences[end].size() > kBatchTokens) break;
      tokens += sequences[end].size();
    }
    parts.push_back(outputs(sequences, positions, begin, end, /*last_tokens=*/true));
  }
  return at::cat(parts);
}

at::Tensor DecoderClassifier::logits(
    const std::vector<std::vector<std::int64_t>>& sequences) const {
  return logits_at(sequences, {});
}

at::Tensor DecoderClassifier::values(const std::vector<std::int64_t>& sequence,
                                     const std::vector<std::int64_t>& positions) const {
  check(sequence, positions.size());
  return outputs({sequence}, {positions}, 0, 1, /*last_tokens=*/false);
}

std::unique_ptr<SequenceClassifier> load_decoder_classifier(const std::string& folder,
                                                            at::ScalarType dtype,
                                                            at::Device device) {
  auto files = open_model(folder);
  files.shape.tie_word_embeddings = true;  // no head over the vocabulary
  auto decoder = make_model(files.shape, dtype, device);
  load_weights(*decoder, DecoderPart(*files.weights));
  if (!files.weights->has(kScore))
    throw base::InputError(
        fmt::format("{}: tensor '{}' is missing", files.weights->path(), kScore));
  const auto sizes = files.weights->shape(kScore);
  if (sizes.size() != 2 || sizes[0] == 0 || sizes[1] != files.shape.hidden_size)
    throw base::InputError(fmt::format("{}: tensor '{}': expected shape [labels, {}], found {}",
                                       files.weights->path(), kScore, files.shape.hidden_size,
                                       shape_text(sizes)));
  auto score = files.weights->read(kScore).to(at::TensorOptions(device).dtype(dtype));
  return std::make_unique<DecoderClassifier>(std::move(decoder), std::move(score));
}

}  // namespace r1::models
