#include "rewards/puzzles/scorer.h"

#include <array>
#include <map>

#include "data/json_text.h"
#include "rewards/puzzles/countdown.h"

namespace r1::rewards::puzzles {
namespace {

struct Entry {
  const char* name;
  Scorer score;
};

constexpr std::array kScorers{
    Entry{"exact", exact},
    Entry{"caseless", caseless},
    Entry{"assignment", assignment},
    Entry{"list", list},
    Entry{"groups", groups},
    Entry{"lists", lists},
    Entry{"palindrome", palindrome},
    Entry{"decimal", decimal},
    Entry{"hexadecimal", hexadecimal},
    Entry{"fraction", fraction},
    Entry{"factors", factors},
    Entry{"numbers", numbers},
    Entry{"probability", probability},
    Entry{"significant", significant},
    Entry{"expression", expression},
    Entry{"countdown", countdown},
    Entry{"grid", grid},
    Entry{"sudoku", sudoku},
    Entry{"n_queens", n_queens},
    Entry{"kakurasu", kakurasu},
    Entry{"hanoi", hanoi},
    Entry{"shortest_path", shortest_path},
    Entry{"quantum_lock", quantum_lock},
    Entry{"jugs", jugs},
    Entry{"graph_color", graph_color},
    Entry{"cryptarithm", cryptarithm},
    Entry{"entailment", entailment},
};

/// Scorer -> tasks of reasoning-gym. Not here: boxnet, rubiks_cube, rush_hour (their records hold
/// no answer and would have to be played).
const std::map<std::string, std::vector<std::string>>& tasks_by_scorer() {
  static const std::map<std::string, std::vector<std::string>> table{
      {"exact",
       {"ab", "arc_1d", "base_conversion", "bf", "codeio", "emoji_mystery", "knight_swap",
        "mahjong_puzzle", "modulo_grid", "path_star", "sentence_reordering", "sokoban",
        "string_insertion", "string_manipulation", "string_splitting", "string_synthesis",
        "time_intervals", "word_ladder"}},
      {"caseless",
       {"acre", "aiw", "caesar_cipher", "calendar_arithmetic", "circuit_logic",
        "color_cube_rotation", "course_schedule", "family_relationships", "figlet_font",
        "game_of_life_halting", "isomorphic_strings", "letter_jumble", "needle_haystack",
        "ransom_note", "spell_backward", "syllogism", "tsumego", "zebra_puzzles"}},
      {"assignment", {"knights_knaves"}},
      {"list",
       {"list_functions", "number_filtering", "number_sorting", "word_sequence_reversal",
        "word_sorting"}},
      {"groups", {"group_anagrams"}},
      {"lists", {"palindrome_partitioning"}},
      {"palindrome", {"palindrome_generation"}},
      {"decimal",
       {"basic_arithmetic",
        "binary_alternation",
        "chain_sum",
        "count_bits",
        "count_primes",
        "decimal_arithmetic",
        "decimal_chain_sum",
        "gcd",
        "gsm_symbolic",
        "largest_island",
        "lcm",
        "leg_counting",
        "letter_counting",
        "maze",
        "number_format",
        "number_sequence",
        "products",
        "rectangle_count",
        "rotten_oranges",
        "self_reference",
        "simple_equations",
        "simple_geometry"}},
      {"hexadecimal", {"bitwise_arithmetic"}},
      {"fraction", {"dice", "fraction_simplification"}},
      {"factors", {"prime_factorization"}},
      {"numbers", {"advanced_geometry", "complex_arithmetic", "polynomial_equations"}},
      {"probability", {"coin_flip"}},
      {"significant", {"power_function"}},
      {"expression",
       {"intermediate_integration", "polynomial_multiplication", "simple_integration"}},
      {"countdown", {"countdown", "puzzle24"}},
      {"grid",
       {"arc_agi", "binary_matrix", "futoshiki", "game_of_life", "manipulate_matrix", "pool_matrix",
        "rearc", "rotate_matrix", "spiral_matrix", "survo"}},
      {"sudoku", {"mini_sudoku", "sudoku"}},
      {"n_queens", {"n_queens"}},
      {"kakurasu", {"kakurasu"}},
      {"hanoi", {"tower_of_hanoi"}},
      {"shortest_path", {"shortest_path"}},
      {"quantum_lock", {"quantum_lock"}},
      {"jugs", {"jugs"}},
      {"graph_color", {"graph_color"}},
      {"cryptarithm", {"cryptarithm"}},
      {"entailment", {"propositional_logic"}},
  };
  return table;
}

std::string text_field(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Scorer find_scorer(const std::string& name) {
  for (const Entry& entry : kScorers)
    if (name == entry.name) return entry.score;
  return nullptr;
}

std::string scorer_names() {
  std::string names;
  for (const Entry& entry : kScorers)
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

std::string scorer_of_task(const std::string& task) {
  static const std::map<std::string, std::string> scorers = [] {
    std::map<std::string, std::string> by_task;
    for (const auto& [scorer, tasks] : tasks_by_scorer())
      for (const std::string& name : tasks) by_task[name] = scorer;
    return by_task;
  }();
  const auto found = scorers.find(task);
  return found == scorers.end() ? std::string() : found->second;
}

Puzzle read_puzzle(const std::string& record, const std::string& gold) {
  Puzzle puzzle;
  puzzle.answer = gold;
  puzzle.metadata = nlohmann::json::object();
  const auto json = data::parse_json_or_discard(record);
  if (!json.is_object()) return puzzle;
  const auto metadata = json.find("metadata");
  puzzle.metadata = metadata != json.end() && metadata->is_object() ? *metadata : json;
  puzzle.task = text_field(puzzle.metadata, "source_dataset");
  puzzle.scorer = text_field(json, "scorer");
  if (puzzle.scorer.empty()) puzzle.scorer = scorer_of_task(puzzle.task);
  if (puzzle.scorer.empty() && puzzle.task.empty() && json.contains("target") &&
      (json.contains("numbers") || json.contains("nums")))
    puzzle.scorer = "countdown";
  return puzzle;
}

}  // namespace r1::rewards::puzzles
