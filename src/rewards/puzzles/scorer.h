#pragma once
// Scorers of puzzle tasks by name: decide whether an answer is correct, from the record's gold
// answer and metadata. Reference: task names, metadata and answer formats of reasoning-gym 0.1.25
// (github.com/open-thought/reasoning-gym). These scorers give no partial credit, unlike
// reasoning-gym.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace r1::rewards::puzzles {

/// A puzzle as read from a record.
struct Puzzle {
  std::string task;         // "gcd", "sudoku", ...; empty: not a task of reasoning-gym
  std::string scorer;       // name of a scorer; empty: the task has no known scorer
  std::string answer;       // reference answer; "None" in a record that has only rules
  nlohmann::json metadata;  // object: the fields of the task
};

enum class Verdict { Right, Wrong, Unreadable, NoGold };

/// Never throws on its inputs.
using Scorer = Verdict (*)(std::string_view answer, const Puzzle& puzzle);

/// nullptr: there is no such scorer.
Scorer find_scorer(const std::string& name);
/// All names, comma separated.
std::string scorer_names();
/// The scorer of a reasoning-gym task; empty: the task is unknown or has no scorer here.
std::string scorer_of_task(const std::string& task);
/// Reads a JSON record. The scorer is the field "scorer", else the scorer of
/// metadata.source_dataset.
Puzzle read_puzzle(const std::string& record, const std::string& gold);

// Text (text_scorers.cpp).
Verdict exact(std::string_view answer, const Puzzle& puzzle);       // equal but for layout, quotes
Verdict caseless(std::string_view answer, const Puzzle& puzzle);    // exact, ignoring case
Verdict assignment(std::string_view answer, const Puzzle& puzzle);  // "Ann is a knight, and ..."
Verdict list(std::string_view answer, const Puzzle& puzzle);        // items separated by commas
Verdict groups(std::string_view answer, const Puzzle& puzzle);      // JSON: sets in a set
Verdict lists(std::string_view answer, const Puzzle& puzzle);       // JSON: lists in a set
Verdict palindrome(std::string_view answer, const Puzzle& puzzle);  // by rule, of the given letters

// Numbers (number_scorers.cpp).
Verdict decimal(std::string_view answer, const Puzzle& puzzle);      // exactly; 07.50 = 7.5
Verdict hexadecimal(std::string_view answer, const Puzzle& puzzle);  // 0x1f, also negative
Verdict fraction(std::string_view answer, const Puzzle& puzzle);     // a/b in lowest terms, as gold
Verdict factors(std::string_view answer, const Puzzle& puzzle);      // 2 × 2 × 3 in any order
Verdict numbers(std::string_view answer, const Puzzle& puzzle);      // equal count, within 0.01
Verdict probability(std::string_view answer, const Puzzle& puzzle);  // a/b or decimal, 0.1 %
Verdict significant(std::string_view answer, const Puzzle& puzzle);  // three significant figures
Verdict expression(std::string_view answer, const Puzzle& puzzle);   // the maths verifier

// Grids (grid_scorers.cpp).
Verdict grid(std::string_view answer, const Puzzle& puzzle);      // cell by cell
Verdict sudoku(std::string_view answer, const Puzzle& puzzle);    // by rule
Verdict n_queens(std::string_view answer, const Puzzle& puzzle);  // by rule
Verdict kakurasu(std::string_view answer, const Puzzle& puzzle);  // by rule

// Moves and maps, checked by simulation (rule_scorers.cpp).
Verdict hanoi(std::string_view answer, const Puzzle& puzzle);
Verdict shortest_path(std::string_view answer, const Puzzle& puzzle);
Verdict quantum_lock(std::string_view answer, const Puzzle& puzzle);
Verdict jugs(std::string_view answer, const Puzzle& puzzle);
Verdict graph_color(std::string_view answer, const Puzzle& puzzle);
Verdict cryptarithm(std::string_view answer, const Puzzle& puzzle);

/// A formula that follows from the premises and is not a tautology (entailment.cpp).
Verdict entailment(std::string_view answer, const Puzzle& puzzle);

}  // namespace r1::rewards::puzzles
