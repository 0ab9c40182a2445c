#pragma once
// Problems of a run in an order that depends on the seed and the epoch alone, and the held-out
// ones.
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/options.h"

namespace r1::data {

/// One problem as its record gives it.
struct Problem {
  std::string problem;
  std::string answer;    // gold, "#### n" cut out; empty: none
  std::string solution;  // worked solution, when the record has one
  std::string domain;
  std::string record;  // the JSON object
  std::string where;   // file and line; of a generated problem the generator
  // Where the record holds a conversation: its turns up to where the model answers, as a JSON list
  // of {role, content}; `problem` is then the last user turn. Empty: `problem` is all that is said.
  std::string turns{};

  /// The text by which problems are compared: duplicates, what is held out.
  std::string identity() const;
};

/// The first of [data] problem_fields that holds something: a text, or a conversation (fields.h),
/// of which an answer at the end is left out. Throws: InputError naming `where` (file and line) and
/// the record's fields when none does.
Problem make_problem(const nlohmann::json& record, const DataOptions& options,
                     const std::string& where);

/// The identity of a record's question, for records that are learnt from too; "" when it has none.
std::string question_identity(const nlohmann::json& record, const DataOptions& options);

/// The same on every rank. One thread at a time (the order of the current epoch is cached).
class PromptDataset {
 public:
  /// Reads files or generates problems, drops held-out problems (same normalised text) from
  /// training, takes the subset. Throws: InputError naming file and line; also when nothing is
  /// left.
  static PromptDataset load(const DataOptions& options, std::uint64_t seed);
  PromptDataset(std::vector<Problem> train, std::vector<Problem> held_out, std::uint64_t seed);

  /// Drops the problems, held-out ones too, that are `unwanted`; before the first batch.
  void drop(const std::function<bool(const Problem&)>& unwanted);

  /// Problems of a step: places step x size ... of the endless sequence in which each epoch is a
  /// permutation of (seed, epoch). A batch may span epochs, and be larger than one.
  std::vector<const Problem*> batch(std::int64_t step, std::int64_t size) const;
  /// The index in train() at a place of that sequence.
  std::int64_t index_at(std::int64_t place) const;

  const std::vector<Problem>& train() const { return train_; }
  const std::vector<Problem>& held_out() const { return held_out_; }

 private:
  std::vector<Problem> train_;
  std::vector<Problem> held_out_;
  std::uint64_t seed_;
  mutable std::int64_t cached_epoch_ = -1;
  mutable std::vector<std::int64_t> order_;
};

}  // namespace r1::data
