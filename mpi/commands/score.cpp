// score: computes log-probabilities of given texts under a model, in packed batches, or the outputs
// of a sequence classifier.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <numeric>

#include "commands/commands.h"
#include "commands/tool_model.h"
#include "kernels/cuda_library.h"
#include "models/classifier.h"
#include "tensor/dtype.h"
#include "training/number_lists.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::mpi {
namespace {

struct Scored {
  Record record;
  std::vector<data::TokenId> ids;
  std::vector<std::int64_t> positions;
};

/// The values of a record's `key`, one a token; none when it has no such key.
std::vector<std::int64_t> values_of_tokens(const RecordReader& reader, const Scored& scored,
                                           const char* key) {
  if (!scored.record.fields.contains(key)) return {};
  auto values = reader.integers(scored.record, key);
  if (values.size() != scored.ids.size())
    reader.fail(scored.record, fmt::format("\"{}\": expected {} values, one a token, found {}", key,
                                           scored.ids.size(), values.size()));
  for (const auto value : values)
    if (value < 0) reader.fail(scored.record, fmt::format("\"{}\": found {}", key, value));
  return values;
}

Scored read_positions(const RecordReader& reader, Scored scored) {
  scored.positions = values_of_tokens(reader, scored, "position_ids");
  if (scored.positions.empty()) {
    scored.positions.resize(scored.ids.size());
    std::iota(scored.positions.begin(), scored.positions.end(), 0);
  }
  return scored;
}

/// All but the last token of each sequence, side by side; the token after each is its target.
void score_batch(const models::Model& model, std::vector<Scored>& batch, RecordWriter& writer) {
  std::vector<std::int64_t> tokens, positions, targets;
  std::vector<nn::Segment> segments;
  for (const auto& scored : batch) {
    if (scored.ids.size() < 2) continue;
    const auto inputs = scored.ids.size() - 1;
    segments.push_back(
        {static_cast<std::int64_t>(tokens.size()), static_cast<std::int64_t>(inputs), -1});
    tokens.insert(tokens.end(), scored.ids.begin(), scored.ids.end() - 1);
    targets.insert(targets.end(), scored.ids.begin() + 1, scored.ids.end());
    positions.insert(positions.end(), scored.positions.begin(), scored.positions.end() - 1);
  }
  std::vector<double> logprobs;
  if (!tokens.empty()) {
    const auto device = model.device();
    const auto hidden =
        model.forward({training::to_tensor(tokens, device),
                       training::to_tensor(positions, device),
                       {nn::make_packed_attention(segments, model.dtype(), device), nullptr, {}}});
    const auto values =
        vocabulary::vocab_logprobs(hidden, model.head(), training::to_tensor(targets, device))
            .logprobs.to(at::kCPU, at::kDouble);
    logprobs.assign(values.const_data_ptr<double>(),
                    values.const_data_ptr<double>() + values.numel());
  }
  auto next = logprobs.begin();
  for (auto& scored : batch) {
    const auto end =
        next + static_cast<std::ptrdiff_t>(std::max<std::size_t>(scored.ids.size(), 1)) - 1;
    scored.record.fields["ids"] = scored.ids;
    scored.record.fields["logprobs"] = std::vector<double>(next, end);
    writer.write(scored.record.fields);
    next = end;
  }
  batch.clear();
}

/// "scores" of each sequence, and "score" where the classifier has one output.
void classify_batch(const models::SequenceClassifier& classifier, const RecordReader& reader,
                    std::vector<Scored>& batch, RecordWriter& writer) {
  std::vector<models::ClassifierInput> inputs;
  for (const auto& scored : batch)
    inputs.push_back({{scored.ids.begin(), scored.ids.end()},
                      scored.positions,
                      values_of_tokens(reader, scored, "token_type_ids")});
  const auto outputs = classifier.classify(inputs);
  const auto labels = static_cast<std::size_t>(classifier.num_labels());
  const auto* next = outputs.const_data_ptr<float>();
  for (auto& scored : batch) {
    scored.record.fields["ids"] = scored.ids;
    if (labels == 1) scored.record.fields["score"] = *next;
    scored.record.fields["scores"] = std::vector<float>(next, next + labels);
    writer.write(scored.record.fields);
    next += labels;
  }
  batch.clear();
}

/// Reads all records, in batches of at most --batch-tokens.
template <class Run>
void in_batches(const CommandLine& line, RecordReader& reader, TokenReader& tokens, Run&& run) {
  std::vector<Scored> batch;
  std::int64_t batch_tokens = 0;
  for (Record record; reader.next(record);) {
    auto ids = tokens.token_ids(reader, record);
    const auto length = static_cast<std::int64_t>(ids.size());
    if (!batch.empty() && batch_tokens + length > line.batch_tokens) {
      run(batch);
      batch_tokens = 0;
    }
    batch.push_back(read_positions(reader, {std::move(record), std::move(ids), {}}));
    batch_tokens += length;
  }
  if (!batch.empty()) run(batch);
}

void classify(const CommandLine& line, RecordReader& reader, RecordWriter& writer) {
  const auto classifier =
      models::load_classifier(line.model, tool_dtype(line), kernels::open_device(line.device, 0));
  TokenReader tokens(line, classifier->vocab_size());
  const c10::InferenceMode inference;
  in_batches(line, reader, tokens, [&](std::vector<Scored>& batch) {
    for (const auto& scored : batch) {
      const auto length = static_cast<std::int64_t>(scored.ids.size());
      if (length == 0 || length > classifier->max_tokens())
        reader.fail(scored.record, fmt::format("expected 1 to {} tokens, found {}",
                                               classifier->max_tokens(), length));
    }
    classify_batch(*classifier, reader, batch, writer);
  });
}

}  // namespace

int score_command(const CommandLine& line) {
  RecordReader reader(line.input);
  RecordWriter writer(line.output);
  if (models::is_classifier(line.model)) {
    classify(line, reader, writer);
  } else {
    const auto model = load_tool_model(line);
    TokenReader tokens(line, model->shape().vocab_size);
    const c10::InferenceMode inference;
    in_batches(line, reader, tokens,
               [&](std::vector<Scored>& batch) { score_batch(*model, batch, writer); });
  }
  writer.finish();
  return 0;
}

}  // namespace r1::mpi
