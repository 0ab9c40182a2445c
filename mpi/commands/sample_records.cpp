// generate as a tool: samples completions of given prompts, greedily or randomly.
#include "base/errors.h"
#include "base/log.h"
#include "base/random.h"
#include "commands/commands.h"
#include "commands/tool_model.h"
#include "generation/engine.h"

namespace r1::mpi {
namespace {

/// Records generated before any is written; bounds memory, changes no result.
constexpr std::size_t kRecordsAtOnce = 1024;

generation::SamplingOptions sampling_options(const CommandLine& line) {
  generation::SamplingOptions sampling;
  sampling.greedy = line.greedy;
  sampling.ignore_eos = line.ignore_eos;
  sampling.max_new_tokens = line.max_new;
  sampling.temperature = line.temperature;
  sampling.top_p = line.top_p;
  sampling.top_k = line.top_k;
  return sampling;
}

class RecordSampler {
 public:
  RecordSampler(const CommandLine& line, const models::Model& model, RecordWriter& writer)
      : line_(line),
        model_(model),
        tokens_(line, model.shape().vocab_size),
        writer_(writer),
        engine_(model, options_of(line)) {
    stop_.eos_token_ids = tokens_.eos_token_ids();
    if (stop_.eos_token_ids.empty() && !line.ignore_eos)
      base::log_warning("{}: names no end token: every completion gets {} tokens", line.model,
                        line.max_new);
  }

  /// Checks that prompt and completion fit the model's context.
  void add(const RecordReader& reader, Record record) {
    auto ids = tokens_.token_ids(reader, record);
    const auto length = static_cast<std::int64_t>(ids.size());
    const auto context = model_.shape().max_position_embeddings;
    if (length == 0) reader.fail(record, "the prompt has no tokens");
    if (length >= context)
      reader.fail(record,
                  fmt::format("the prompt has {} tokens, the model's context {}", length, context));
    std::vector<std::uint64_t> seeds;
    for (std::int64_t sample = 0; sample < line_.num_samples; ++sample)
      seeds.push_back(base::derive_seed({static_cast<std::uint64_t>(line_.seed), num_records_,
                                         static_cast<std::uint64_t>(sample)}));
    ++num_records_;
    requests_.push_back({std::move(ids), std::move(seeds)});
    records_.push_back(std::move(record));
    if (records_.size() == kRecordsAtOnce) run();
  }

  void run() {
    const auto completions = engine_.generate(requests_, sampling_options(line_), stop_);
    num_tokens_ += engine_.statistics().new_tokens;
    seconds_ += engine_.statistics().seconds;
    for (std::size_t i = 0; i < records_.size(); ++i)
      for (std::size_t sample = 0; sample < completions[i].size(); ++sample)
        write(i, sample, completions[i][sample]);
    requests_.clear();
    records_.clear();
  }

  void log_speed() const {
    base::log_info("generate: {} records, {} new tokens, {:.0f} tokens/s", num_records_,
                   num_tokens_, seconds_ > 0 ? static_cast<double>(num_tokens_) / seconds_ : 0.0);
  }

 private:
  static generation::EngineOptions options_of(const CommandLine& line) {
    generation::EngineOptions options;
    options.max_num_seqs = line.batch_size;
    return options;
  }

  void write(std::size_t index, std::size_t sample, const data::Completion& completion) {
    auto fields = records_[index].fields;
    fields["prompt_ids"] = requests_[index].prompt_ids;
    fields["completion_ids"] = completion.token_ids;
    if (const auto* text = tokens_.tokenizer_if_any())
      fields["completion"] = text->decode(completion.token_ids);
    fields["logprobs"] = completion.logprobs;
    fields["finish_reason"] =
        completion.finish_reason == data::FinishReason::Stop ? "stop" : "length";
    if (line_.num_samples > 1) fields["sample"] = sample;
    writer_.write(fields);
  }

  const CommandLine& line_;
  const models::Model& model_;
  TokenReader tokens_;
  RecordWriter& writer_;
  generation::Engine engine_;
  generation::StopRules stop_;
  std::vector<generation::Request> requests_;
  std::vector<Record> records_;
  std::uint64_t num_records_ = 0;
  std::int64_t num_tokens_ = 0;
  double seconds_ = 0.0;
};

}  // namespace

int sample_records_command(const CommandLine& line) {
  RecordReader reader(line.input);
  RecordWriter writer(line.output);
  const auto model = load_tool_model(line);
  RecordSampler sampler(line, *model, writer);
  for (Record record; reader.next(record);) sampler.add(reader, std::move(record));
  sampler.run();
  writer.finish();
  sampler.log_speed();
  return 0;
}

}  // namespace r1::mpi
