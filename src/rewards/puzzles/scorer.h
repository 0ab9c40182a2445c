#pragma once
// Scorers of puzzle tasks by name: given the record's gold answer and metadata, is an answer right?
// Reference: task names, metadata and answer formats of reasoning-gym 0.1.25
// (github.com/open-thought/reasoning-gym); its partial credit is left out: an answer is right or
// not.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace r1::rewards::puzzles {

/// What a record says about its puzzle.
struct Puzzle {
  std::string task;         // "gcd", "sudoku", ...; empty: not one of reasoning-gym's kinds
  std::string scorer;       // name of a scorer; empty: none is known for the task
  std::string answer;       // gold; "None" in a record that has only rules
  nlohmann::json metadata;  // object: the task's own fields
};

enum class Verdict { Right, Wrong, Unreadable, NoGold };

/// Never throws on its inputs.
using Scorer = Verdict (*)(std::string_view answer, const Puzzle& puzzle);

/// nullptr: no such scorer.
Scorer find_scorer(const std::string& name);
/// All names, comma separated.
std::string scorer_names();
/// The scorer of a reasoning-gym task; empty: the task is not known or cannot be scored here.
std::string scorer_of_task(const std::string& task);
/// Reads a JSON record: the scorer is the field "scorer", else that of metadata.source_dataset.
Puzzle read_puzzle(const std::string& record, const std::string& gold);

// Text (text_scorers.cpp).
Verdict exact(std::string_view answer, const Puzzle& puzzle);       // but for layout and quotes
Verdict caseless(std::string_view answer, const Puzzle& puzzle);    // also upper and lower case
Verdict assignment(std::string_view answer, const Puzzle& puzzle);  // "Ann is a knight, and ..."
Verdict list(std::string_view answer, const Puzzle& puzzle);        // items between commas
Verdict groups(std::string_view answer, const Puzzle& puzzle);      // JSON: sets in a set
Verdict lists(std::string_view answer, const Puzzle& puzzle);       // JSON: lists in a set
Verdict palindrome(std::string_view answer, const Puzzle& puzzle);  // by rule: of given letters

// Numbers (number_scorers.cpp).
Verdict decimal(std::string_view answer, const Puzzle& puzzle);      // exactly; 07.50 = 7.5
Verdict hexadecimal(std::string_view answer, const Puzzle& puzzle);  // 0x1f, also negative
Verdict fraction(std::string_view answer, const Puzzle& puzzle);     // a/b in lowest terms as gold
Verdict factors(std::string_view answer, const Puzzle& puzzle);      // 2 × 2 × 3 in any order
Verdict numbers(std::string_view answer, const Puzzle& puzzle);      // as many, each within 0.01
Verdict probability(std::string_view answer, const Puzzle& puzzle);  // a/b or decimal, 0.1 %
Verdict significant(std::string_view answer, const Puzzle& puzzle);  // three figures
Verdict expression(std::string_view answer, const Puzzle& puzzle);   // the maths verifier

// Grids (grid_scorers.cpp).
Verdict grid(std::string_view answer, const Puzzle& puzzle);      // cell by cell
Verdict sudoku(std::string_view answer, const Puzzle& puzzle);    // by rule
Verdict n_queens(std::string_view answer, const Puzzle& puzzle);  // by rule
Verdict kakurasu(std::string_view answer, const Puzzle& puzzle);  // by rule

// Moves and maps, checked by playing them (rule_scorers.cpp).
Verdict hanoi(std::string_view answer, const Puzzle& puzzle);
Verdict shortest_path(std::string_view answer, const Puzzle& puzzle);
Verdict quantum_lock(std::string_view answer, const Puzzle& puzzle);
Verdict jugs(std::string_view answer, const Puzzle& puzzle);
Verdict graph_color(std::string_view answer, const Puzzle& puzzle);
Verdict cryptarithm(std::string_view answer, const Puzzle& puzzle);

/// A formula that follows from the premises and is no tautology (entailment.cpp).
Verdict entailment(std::string_view answer, const Puzzle& puzzle);

}  // namespace r1::rewards::puzzles
