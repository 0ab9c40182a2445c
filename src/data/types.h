#pragma once
// The records that flow through a run. Free of torch: rewards, filters and files work on these.
//
//   record (JSONL) -> Prompt -> Completion -> Rollout (= prompt + completion + scores) ->
//   TrainingSample -> MicroBatch
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace r1::data {

using TokenId = std::int32_t;

/// One question as it is given to the model.
struct Prompt {
  std::int64_t index = 0;          // global index inside the step (the group's number)
  std::vector<TokenId> token_ids;  // rendered and tokenised
  std::string text;                // rendered, ends where the model goes on
  std::string problem;             // the bare question
  std::string answer;              // gold answer; empty: none
  std::string domain;              // "arithmetic", "maths", "code", ...
  std::string record;  // the JSON object of the data file, for scorers that need more fields

  bool operator==(const Prompt&) const = default;
};

enum class FinishReason : std::int32_t { Stop = 0, Length = 1 };

/// What the model wrote after a prompt.
struct Completion {
  std::vector<TokenId> token_ids;  // includes the end token when it stopped by itself
  std::vector<double>
      logprobs;  // of those tokens under softmax(logits / T), full vocabulary, as sampled
  std::vector<double> kept_mass;  // probability that top-p/top-k kept; empty: all
  std::string text;               // decoded without special tokens
  FinishReason finish_reason = FinishReason::Stop;

  bool operator==(const Completion&) const = default;
};

/// A score made of named parts; `total` is the configured combination.
struct Reward {
  double total = 0.0;
  std::map<std::string, double> parts;
  std::string reason;  // of the verifier: ok, wrong, no_answer, unparsable_answer, unparsable_gold,
                       // limit, timeout
  bool drop = false;   // the sample must not be trained on (the gold answer cannot be read)

  bool operator==(const Reward&) const = default;
};

/// A sampled completion with everything an update needs. `sample` is global: results never depend
/// on the layout.
struct Rollout {
  std::int64_t sample = 0;          // global index in the step: group * samples_per_prompt + i
  std::int64_t group = 0;           // = prompt.index
  std::int64_t policy_version = 0;  // optimizer steps done by the weights that sampled it
  Prompt prompt;
  Completion completion;
  Reward reward;
  std::vector<double> reference_logprobs;  // per completion token; empty: no reference

  bool operator==(const Rollout&) const = default;
};

/// A sequence to train on: which tokens are predicted with which weight.
struct TrainingSample {
  std::vector<TokenId>
      prompt_ids;  // not in the loss; equal prompts of one micro-batch are computed once
  std::vector<TokenId> completion_ids;  // in the loss
};

}  // namespace r1::data
