#pragma once
// Filters over records, with an account of what was dropped and why.
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "data/record_reader.h"

namespace r1::data {

/// Why a record is dropped; empty: it stays. Called in order; may remember what it saw.
using RecordCheck = std::function<std::string(const nlohmann::json& record)>;
/// A number about a record: correctness, quality (rewards are connected through this).
using RecordScorer = std::function<double(const nlohmann::json& record)>;

/// What became of the records: written as report.json beside the data.
struct FilterReport {
  std::int64_t seen = 0;
  std::int64_t kept = 0;
  std::map<std::string, std::int64_t> dropped;               // by reason
  std::map<std::string, std::vector<std::string>> examples;  // the first of each, shortened
  std::vector<BadLine> bad_lines;                            // of the inputs, not in `seen`

  nlohmann::json to_json() const;
  /// The same for people: counts, shares, reasons with examples, bad lines.
  std::string to_text() const;
};

/// The first check that gives a reason drops the record.
class FilterChain {
 public:
  void add(RecordCheck check) { checks_.push_back(std::move(check)); }
  std::vector<nlohmann::json> apply(std::vector<nlohmann::json> records);
  /// One record: true when it stays. `original` is what the account shows when the record itself
  /// has no question.
  bool keep(const nlohmann::json& record, const nlohmann::json& original = {});
  const FilterReport& report() const { return report_; }

 private:
  std::vector<RecordCheck> checks_;
  FilterReport report_;
};

/// The turns of a record's conversation (messages, conversations, prompt); [] when it has none that
/// can be read.
nlohmann::json turns_of(const nlohmann::json& record);
/// The question of a record, whatever its form: problem, question, prompt, instruction + input, or
/// the last user turn of messages.
std::string question_of(const nlohmann::json& record);
/// Everything a record asks: all turns of a conversation but system messages and the last answer,
/// else question_of.
std::string asked_of(const nlohmann::json& record);
/// What the model said: output, completion, solution, or the last assistant turn.
std::string response_of(const nlohmann::json& record);

/// "duplicate": what is asked (the whole conversation) and, unless `questions_only`, the response
/// were seen, in normalised form.
RecordCheck drop_duplicates(bool questions_only);

/// Finds text that shares an n-gram of words with evaluation sets.
class Decontaminator {
 public:
  explicit Decontaminator(int n = 10) : n_(n) {}
  /// A text shorter than n words is remembered whole.
  void add_evaluation_text(const std::string& text);
  bool overlaps(const std::string& text) const;

 private:
  int n_;
  std::unordered_set<std::string> grams_;
  std::unordered_set<std::string> short_texts_;
};
/// "contaminated": what is asked overlaps (the response too would drop every quoted fact).
RecordCheck drop_contaminated(Decontaminator decontaminator);

/// `reason` when the score is below `threshold`.
RecordCheck drop_below(std::string reason, RecordScorer score, double threshold);
/// "language": share of the response's words in `language` ("question": the question's) < `share`.
RecordCheck drop_other_language(std::string language, double share);
/// "repetition": repeated n-gram share of the response above `share`.
RecordCheck drop_repetitive(int n, double share);
/// "empty": no question or no response (`needs_response`).
RecordCheck drop_empty(bool needs_response);
/// "too_long": question and response together above so many bytes.
RecordCheck drop_longer_than(std::int64_t bytes);

}  // namespace r1::data
