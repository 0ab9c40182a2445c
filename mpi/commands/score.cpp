// score: log-probabilities of given texts under a model, in packed batches; or the outputs of a
// sequence classifier.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "commands/commands.h"
#include "commands/tool_model.h"
#include "model_input.h"
#include "models/classifier.h"
#include "parallel/vocab_logprob.h"
#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

struct Scored {
  Record record;
  std::vector<data::TokenId> ids;
  std::vector<std::int64_t> positions;
};

Scored read_positions(const RecordReader& reader, Scored scored) {
  const auto count = scored.ids.size();
  if (!scored.record.fields.contains("position_ids")) {
    for (std::size_t i = 0; i < count; ++i)
      scored.positions.push_back(static_cast<std::int64_t>(i));
    return scored;
  }
  scored.positions = reader.integers(scored.record, "position_ids");
  if (scored.positions.size() != count)
    reader.fail(scored.record, fmt::format("\"position_ids\": expected {} values, one a token, "
                                           "found {}",
                                           count, scored.positions.size()));
  for (const auto position : scored.positions)
    if (position < 0)
      reader.fail(scored.record, fmt::format("\"position_ids\": found {}", position));
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
        model.forward({to_tensor(tokens, device),
                       to_tensor(positions, device),
                       {nn::make_packed_attention(segments, model.dtype(), device), nullptr, {}}});
    const auto values = parallel::vocab_logprobs(hidden, model.head(), to_tensor(targets, device))
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

/// "scores" of each sequence, and "score" where the classifier has one output. Positions are given
/// for all sequences of a batch or for none.
void classify_batch(const models::SequenceClassifier& classifier, std::vector<Scored>& batch,
                    bool with_positions, RecordWriter& writer) {
  std::vector<std::vector<std::int64_t>> sequences, positions;
  for (const auto& scored : batch) {
    sequences.emplace_back(scored.ids.begin(), scored.ids.end());
    if (with_positions) positions.push_back(scored.positions);
  }
  const auto outputs =
      with_positions ? classifier.logits_at(sequences, positions) : classifier.logits(sequences);
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
      models::load_classifier(line.model, tool_dtype(line), tensor::open_device(line.device, 0));
  TokenReader tokens(line, classifier->vocab_size());
  const c10::InferenceMode inference;
  in_batches(line, reader, tokens, [&](std::vector<Scored>& batch) {
    for (const auto& scored : batch) {
      const auto length = static_cast<std::int64_t>(scored.ids.size());
      if (length == 0 || length > classifier->max_tokens())
        reader.fail(scored.record, fmt::format("expected 1 to {} tokens, found {}",
                                               classifier->max_tokens(), length));
    }
    const bool with_positions = std::any_of(batch.begin(), batch.end(), [](const Scored& scored) {
      return scored.record.fields.contains("position_ids");
    });
    classify_batch(*classifier, batch, with_positions, writer);
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
