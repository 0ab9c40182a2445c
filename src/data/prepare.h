#pragma once
// The pure part of the prepare command: raw records in, training records and an account out.
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/filters/filter.h"

namespace r1::data {

/// rl: {problem, solution, level, type, answer}; coldstart: {instruction, input, output} with a
/// thinking part; sft1, sft2, distill: {instruction, input, output}, or {messages} where a record
/// has a system message or earlier turns; consistency: the same after majority_records; generic: as
/// they are.
enum class PrepareKind { Rl, ColdStart, Sft1, Sft2, Distill, Consistency, Generic };
/// Throws: ConfigError on an unknown name.
PrepareKind prepare_kind(const std::string& name);

/// Index of the response that stands for the majority; -1: there is none.
using Election = std::function<std::ptrdiff_t(const std::vector<std::string>& responses)>;

struct PrepareOptions {
  std::vector<std::string> evaluation_texts;  // nothing that shares 10 words with these is kept
  int ngram = 10;
  std::string language;  // empty: not checked; "question": the question's own
  double min_language_share = 0.8;
  double max_repetition = 0.5;  // of 4-grams of the response
  std::int64_t max_bytes = std::int64_t{1} << 20;
  RecordScorer correctness;  // of records with a response; none: not checked
  RecordScorer quality;
  double min_quality = 0.8;  // the guide's rejection sampling
  Election elect;            // of consistency records
};

struct Prepared {
  std::vector<nlohmann::json> records;
  FilterReport report;
};

/// Brings each record into the form of `kind` and filters: unreadable ("form"), empty, too long,
/// duplicates, contaminated; with a response also language, repetition, correctness, quality.
Prepared prepare(PrepareKind kind, const std::vector<nlohmann::json>& raw,
                 const PrepareOptions& options);

/// Samples of a model over several wordings of a question (records with one "group", or "category")
/// -> one record a sample that answers its wording with the majority's response. `dropped` counts
/// records without group or majority.
std::vector<nlohmann::json> majority_records(const std::vector<nlohmann::json>& raw,
                                             const Election& elect, std::int64_t& dropped);

/// One record of MATH (subject or type, difficulty or level) or GSM8K (question, "… #### n") in the
/// guide's form, with the fields that scorers need; null without problem, or without answer and
/// tests.
nlohmann::json rl_record(const nlohmann::json& raw);
/// {instruction, input, output} of a record of any known form, {messages} with all turns of a
/// longer conversation; null without question or response.
nlohmann::json sft_record(const nlohmann::json& raw);

}  // namespace r1::data
