#pragma once
// Records of preferences: a prompt and two answers, of which the first is preferred.
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "data/options.h"
#include "data/render.h"
#include "data/types.h"

namespace r1::data {

/// One of the two answers with its prompt.
struct PreferenceAnswer {
  nlohmann::json record;  // a supervised record, as sft_text reads it
  nlohmann::json turns;   // the conversation: a list of {role, content}, the answer last
};

struct Preference {
  PreferenceAnswer chosen, rejected;
};

/// Reads a record with the fields `chosen` and `rejected`, in one of these forms:
///   texts, beside a problem (the first of [data] problem_fields) or the turns of a conversation
///   lists of turns, which hold the prompt too or follow the turns or the problem of the record
///   texts of whole conversations "\n\nHuman: ...\n\nAssistant: ..." (Anthropic's HH), no prompt
/// Throws: InputError naming `where` and what is missing.
Preference read_preference(const nlohmann::json& record, const DataOptions& options,
                           const std::string& where);

/// DPO: the samples of the chosen and the rejected answer. Throws: InputError naming `where` if the
/// answers do not have the same prompt, and as sft_text.
std::vector<TrainingSample> preference_samples(const Preference& preference,
                                               const PromptRenderer& renderer,
                                               const DataOptions& options,
                                               const std::string& where);

/// Reward models: samples whose one loss row is that of the last token of a sequence. The target
/// of this row has no meaning. Sequences with a common beginning share it as their prompt.
std::vector<TrainingSample> judged_samples(std::span<const std::vector<TokenId>> sequences);

}  // namespace r1::data
