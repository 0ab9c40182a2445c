#pragma once
// The records that flow through a run. Free of torch: rewards, filters and files work on these.
//
//   record (JSONL) -> Prompt -> Completion -> Rollout (= prompt + completion + scores) ->
//   TrainingSample -> MicroBatch
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace r1::data {

using TokenId = std::int32_t;

/// One question as it is given to the model.
struct Prompt {
  std::int64_t index = 0;          // global index inside the step (the group's number)
  std::vector<TokenId> token_ids;  // rendered and tokenised
  std::string text;                // rendered, ends where the model goes on
  std::string opening;             // the end of `text` that belongs to the answer: "<think>\n"
  std::string problem;             // the bare question
  std::string answer;              // gold answer; empty: none
  std::string domain;              // "arithmetic", "maths", "code", ...
  std::string record;  // the JSON object of the data file, for scorers that need more fields

  bool operator==(const Prompt&) const = default;
};

/// Unfinished: the sample goes on in a later step (rl.partial_rollouts).
enum class FinishReason : std::int32_t { Stop = 0, Length = 1, Unfinished = 2 };

/// What a tool or an environment answered to a turn of the model, as tokens of the completion that
/// the model did not sample.
struct ToolAnswer {
  std::int64_t begin = 0, end = 0;  // its tokens in Completion::token_ids
  std::string call;                 // what the turn asked
  std::string text;                 // the answer, cut to the limits
  std::string status;               // ok, error, timeout, limit
  double seconds = 0.0;             // from the call until the answer was read

  bool operator==(const ToolAnswer&) const = default;
};

/// What the model wrote after a prompt, with the answers of tools in between.
struct Completion {
  std::vector<TokenId> token_ids;  // includes the end token when it stopped by itself
  std::vector<double>
      logprobs;  // of the sampled tokens under softmax(logits / T), full vocabulary, as sampled
  std::vector<double> kept_mass;  // probability that top-p/top-k kept; empty: all
  std::string text;               // of the sampled tokens, decoded without special tokens
  FinishReason finish_reason = FinishReason::Stop;
  std::vector<ToolAnswer> answers = {};  // in the order of their tokens
  /// The experts that the routers chose for the tokens of prompt and completion in turn, the last
  /// one excepted, which nothing was computed from (models/expert_decisions.h); empty: not
  /// recorded.
  std::vector<std::uint8_t> experts = {};
  /// The weights that sampled it, where not all tokens have the same: the first token and the
  /// policy version of each part, in order.
  std::vector<std::pair<std::int64_t, std::int64_t>> versions = {};

  bool operator==(const Completion&) const = default;
};

/// 1 for each token that the model sampled, 0 for those of answers; empty: all are sampled.
inline std::vector<std::uint8_t> sampled_mask(const Completion& completion) {
  if (completion.answers.empty()) return {};
  std::vector<std::uint8_t> mask(completion.token_ids.size(), 1);
  for (const auto& answer : completion.answers)
    std::fill(mask.begin() + answer.begin, mask.begin() + answer.end, std::uint8_t{0});
  return mask;
}

/// Tokens that the model sampled.
inline std::int64_t num_sampled(const Completion& completion) {
  auto count = static_cast<std::int64_t>(completion.token_ids.size());
  for (const auto& answer : completion.answers) count -= answer.end - answer.begin;
  return count;
}

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
  std::int64_t sample = 0;  // global index in the step: group * samples_per_prompt + i
  std::int64_t group = 0;   // = prompt.index
  /// Optimizer steps done by the weights that sampled its first token.
  std::int64_t policy_version = 0;
  /// With rl.partial_rollouts the group's number in the run, step * rl.prompts_per_step + index, by
  /// the step whose prompts it is from; -1: the step that trains on it.
  std::int64_t origin = -1;
  Prompt prompt;
  Completion completion;
  Reward reward;
  std::vector<double> reference_logprobs;  // per sampled token; empty: no reference

  bool operator==(const Rollout&) const = default;
};

/// The answer as rewards and readers see it: what the prompt opened for the model, and what the
/// model wrote.
inline std::string whole_answer(const Rollout& rollout) {
  return rollout.prompt.opening + rollout.completion.text;
}

/// A sequence to train on: which tokens are predicted with which weight.
struct TrainingSample {
  std::vector<TokenId>
      prompt_ids;  // not in the loss; equal prompts of one micro-batch are computed once
  std::vector<TokenId> completion_ids;
  std::vector<std::uint8_t> learnt{};  // 1 for each of completion_ids in the loss; empty: all are
  /// Completion::experts of the sample; samples of one batch have them all or none.
  std::vector<std::uint8_t> experts{};
};

/// Tokens of a sample that are predicted in the loss; a first token has nothing to be predicted
/// from.
inline std::int64_t num_targets(const TrainingSample& sample) {
  const std::size_t first = sample.prompt_ids.empty() ? 1 : 0;
  std::int64_t count = 0;
  for (std::size_t k = first; k < sample.completion_ids.size(); ++k)
    count += sample.learnt.empty() || sample.learnt[k] != 0 ? 1 : 0;
  return count;
}

}  // namespace r1::data
