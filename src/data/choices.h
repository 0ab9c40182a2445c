#pragma once
// Questions of multiple choice in the forms that benchmarks have.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1::data {

struct Choices {
  std::vector<std::string> texts;
  std::vector<std::string> labels;  // the record's own names of them ("A", "1"); empty: none

  bool empty() const { return texts.empty(); }
};

/// The choices of a record; empty: it is no multiple choice. Fields, the first that is there:
///   choices, options, endings  [text, ...] (MMLU; AQuA's "A)21" loses its letter),
///                              [{"label", "text"}, ...], {"text": [...], "label": [...]} (ARC),
///                              {"A": text, "B": text, ...} (MedQA)
///   Correct Answer, Incorrect Answer 1, 2, 3  columns (GPQA), in an order that the question
///   decides option_a, "Option B", choice1, opt_a, ...  columns without a gap (CSV) A, B, ...
///   columns, at least three, or where the answer is the name of one;
///                              a, b, ... and 1, 2, ... only in the latter case
/// Throws: InputError for one choice, for more than 26, and for another form of those fields.
Choices read_choices(const nlohmann::json& record);

/// The letter of the right choice: in GPQA's columns that of "Correct Answer", else of the first of
/// the fields answer, answerKey, correct, answer_index, answer_idx, label that is there: the
/// record's own label, a letter ("B", "b",
/// "(B)"), the text of one choice, a letter before its choice ("B. x"), an index from 0. A letter
/// names its choice even where another choice reads like it. Empty: none of the fields is there.
/// Throws: InputError when it names no choice, or several.
std::string right_letter(const nlohmann::json& record, const Choices& choices);

/// How many choices a record, as JSON text, has; 0: it is no multiple choice.
int num_choices(const std::string& record);

}  // namespace r1::data
