// Scorers that simulate the moves of an answer, or check a map by the rules of the puzzle.
#include <algorithm>
#include <map>
#include <set>

#include "data/text.h"
#include "rewards/puzzles/reading.h"
#include "rewards/puzzles/scorer.h"

namespace r1::rewards::puzzles {
namespace {

using Json = nlohmann::json;

Verdict verdict(bool right) {
  return right ? Verdict::Right : Verdict::Wrong;
}

std::optional<std::int64_t> integer_field(const Json& object, const char* name) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::string text_field(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Steps of a path as changes of row and column; false for any other word.
bool step_of(const std::string& word, int& row, int& column) {
  static const std::map<std::string, std::pair<int, int>> kSteps{
      {"up", {-1, 0}}, {"down", {1, 0}}, {"left", {0, -1}}, {"right", {0, 1}}};
  const auto found = kSteps.find(word);
  if (found == kSteps.end()) return false;
  row += found->second.first;
  column += found->second.second;
  return true;
}

/// One press: buttons act in their state of the light alone, then the light toggles.
bool press(const Json& buttons, const std::string& name, bool& green, std::int64_t& value) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 40;
  for (const auto& button : buttons) {
    if (text_field(button, "name") != name) continue;
    const std::string state = text_field(button, "active_state");
    const auto amount = integer_field(button, "value");
    if (!amount) return false;
    if (state == "any" || state == (green ? "green" : "red")) {
      const std::string type = text_field(button, "type");
      value = type == "add"        ? value + *amount
              : type == "subtract" ? value - *amount
                                   : value * *amount;
    }
    green = !green;
    return std::abs(value) < kLimit;
  }
  return false;
}

/// One move over jugs named A, B, C, ...; false when it cannot be read.
bool pour(const std::string& move, const std::vector<std::int64_t>& capacities,
          std::vector<std::int64_t>& levels) {
  const auto words = data::split_whitespace(move);
  if (words.size() != 2) return false;
  const auto jug = [&](char c) { return static_cast<std::size_t>(c - 'A'); };
  const std::string& name = words[1];
  if (name[0] < 'A' || jug(name[0]) >= levels.size()) return false;
  if (words[0] == "pour") {
    if (name.size() != 4 || name.substr(1, 2) != "->") return false;
    if (name[3] < 'A' || jug(name[3]) >= levels.size()) return false;
    auto& from = levels[jug(name[0])];
    auto& to = levels[jug(name[3])];
    const auto amount = std::min(from, capacities[jug(name[3])] - to);
    from -= amount;
    to += amount;
    return name[0] != name[3];
  }
  if (name.size() != 1 || (words[0] != "fill" && words[0] != "empty")) return false;
  levels[jug(name[0])] = words[0] == "fill" ? capacities[jug(name[0])] : 0;
  return true;
}

/// The number a word stands for; nothing when a letter has no digit or the first one is 0.
std::optional<std::int64_t> word_value(const std::string& word,
                                       const std::map<char, std::int64_t>& digits) {
  constexpr std::size_t kMostLetters = 17;
  if (word.empty() || word.size() > kMostLetters) return std::nullopt;
  std::int64_t value = 0;
  for (const char letter : word) {
    const auto digit = digits.find(letter);
    if (digit == digits.end() || (value == 0 && &letter == word.data() && digit->second == 0))
      return std::nullopt;
    value = 10 * value + digit->second;
  }
  return value;
}

}  // namespace

Verdict hanoi(std::string_view answer, const Puzzle& puzzle) {
  const auto num_disks = integer_field(puzzle.metadata, "num_disks");
  const auto num_pegs = integer_field(puzzle.metadata, "num_pegs");
  const auto start = integer_field(puzzle.metadata, "start_peg");
  const auto target = integer_field(puzzle.metadata, "target_peg");
  if (!num_disks || !num_pegs || !start || !target || *num_disks > 64) return Verdict::NoGold;
  std::map<std::int64_t, std::vector<std::int64_t>> pegs;
  for (auto disk = *num_disks; disk > 0; --disk) pegs[*start].push_back(disk);
  for (const std::string& line : data::split_at(answer, "\n")) {
    const auto words = data::split_whitespace(line);
    if (words.empty()) continue;
    if (words.size() != 9 || words[0] != "Move" || words[1] != "disk" || words[4] != "Peg")
      return Verdict::Unreadable;
    const auto disk = integer_of(words[2]);
    const auto from = integer_of(words[5]);
    const auto to = integer_of(words[8]);
    if (!disk || !from || !to) return Verdict::Unreadable;
    if (*to < 1 || *to > *num_pegs || pegs[*from].empty() || pegs[*from].back() != *disk)
      return Verdict::Wrong;
    if (!pegs[*to].empty() && pegs[*to].back() < *disk) return Verdict::Wrong;
    pegs[*from].pop_back();
    pegs[*to].push_back(*disk);
  }
  return verdict(static_cast<std::int64_t>(pegs[*target].size()) == *num_disks);
}

Verdict shortest_path(std::string_view answer, const Puzzle& puzzle) {
  const auto matrix = puzzle.metadata.find("matrix");
  if (matrix == puzzle.metadata.end() || !matrix->is_array()) return Verdict::NoGold;
  const auto gold = data::split_whitespace(puzzle.answer);
  const auto moves = data::split_whitespace(data::lower_ascii(unwrapped(answer)));
  if (gold.size() == 1 && gold[0] == "infeasible") return verdict(moves == gold);
  std::vector<std::vector<std::string>> cells;
  int row = -1;
  int column = -1;
  for (const auto& line : *matrix) {
    if (!line.is_array()) return Verdict::NoGold;
    auto& out = cells.emplace_back();
    for (const auto& cell : line) {
      out.push_back(cell.is_string() ? cell.get<std::string>() : "X");
      if (out.back() != "*") continue;
      row = static_cast<int>(cells.size()) - 1;
      column = static_cast<int>(out.size()) - 1;
    }
  }
  if (row < 0) return Verdict::NoGold;
  std::string here = "*";
  for (const std::string& move : moves) {
    if (!step_of(move, row, column)) return Verdict::Unreadable;
    if (row < 0 || column < 0 || row >= static_cast<int>(cells.size())) return Verdict::Wrong;
    const auto& line = cells[static_cast<std::size_t>(row)];
    if (column >= static_cast<int>(line.size())) return Verdict::Wrong;
    here = line[static_cast<std::size_t>(column)];
    if (here == "X") return Verdict::Wrong;
  }
  return verdict(here == "#" && moves.size() == gold.size());
}

Verdict quantum_lock(std::string_view answer, const Puzzle& puzzle) {
  const auto buttons = puzzle.metadata.find("buttons");
  const auto path = puzzle.metadata.find("solution_path");
  const auto target = integer_field(puzzle.metadata, "target_value");
  const auto start = integer_field(puzzle.metadata, "initial_value");
  if (buttons == puzzle.metadata.end() || path == puzzle.metadata.end() || !target || !start)
    return Verdict::NoGold;
  bool green = text_field(puzzle.metadata, "initial_state") == "green";
  std::int64_t value = *start;
  const auto names = data::split_at(unwrapped(answer), "→");
  for (const std::string& name : names)
    if (!press(*buttons, data::trim(name), green, value)) return Verdict::Unreadable;
  return verdict(value == *target && names.size() == path->size());
}

Verdict jugs(std::string_view answer, const Puzzle& puzzle) {
  const auto given = puzzle.metadata.find("puzzle");
  if (given == puzzle.metadata.end()) return Verdict::NoGold;
  const auto target = integer_field(*given, "target");
  const auto sizes = given->find("jug_capacities");
  if (!target || sizes == given->end() || !sizes->is_array()) return Verdict::NoGold;
  std::vector<std::int64_t> capacities;
  for (const auto& size : *sizes)
    if (size.is_number_integer()) capacities.push_back(size.get<std::int64_t>());
  std::vector<std::int64_t> levels(capacities.size(), 0);
  const Json moves = lenient_json(answer);
  if (!moves.is_array()) return Verdict::Unreadable;
  for (const auto& move : moves)
    if (!move.is_string() || !pour(move.get<std::string>(), capacities, levels))
      return Verdict::Unreadable;
  return verdict(std::count(levels.begin(), levels.end(), *target) > 0);
}

Verdict graph_color(std::string_view answer, const Puzzle& puzzle) {
  const auto graph = puzzle.metadata.find("puzzle");
  if (graph == puzzle.metadata.end() || !graph->is_object()) return Verdict::NoGold;
  const auto options = graph->find("color_options");
  const auto vertices = graph->find("vertices");
  if (options == graph->end() || vertices == graph->end()) return Verdict::NoGold;
  const Json colors = lenient_json(answer);
  if (!colors.is_object()) return Verdict::Unreadable;
  for (const auto& vertex : *vertices) {
    const auto color = colors.find(vertex.dump());
    if (color == colors.end() ||
        std::find(options->begin(), options->end(), *color) == options->end())
      return Verdict::Wrong;
  }
  for (const auto& edge : integer_matrix(*graph, "edges"))
    if (edge.size() == 2 && colors[std::to_string(edge[0])] == colors[std::to_string(edge[1])])
      return Verdict::Wrong;
  return verdict(colors.size() == vertices->size());
}

Verdict cryptarithm(std::string_view answer, const Puzzle& puzzle) {
  const auto words = puzzle.metadata.find("words_letters");
  const std::string result = text_field(puzzle.metadata, "result_letters");
  if (words == puzzle.metadata.end() || !words->is_array() || result.empty())
    return Verdict::NoGold;
  std::map<char, std::int64_t> digits;
  std::set<std::int64_t> used;
  for (const std::string& pair : data::split_at(unwrapped(answer), ",")) {
    const auto sides = data::split_at(pair, "=");
    const std::string letter = data::trim(sides[0]);
    const auto digit = sides.size() == 2 ? integer_of(sides[1]) : std::nullopt;
    if (letter.size() != 1 || !digit) return Verdict::Unreadable;
    if (*digit < 0 || *digit > 9 || !used.insert(*digit).second) return Verdict::Wrong;
    if (!digits.emplace(letter[0], *digit).second) return Verdict::Wrong;
  }
  std::int64_t sum = 0;
  for (const auto& word : *words) {
    const auto value =
        word.is_string() ? word_value(word.get<std::string>(), digits) : std::nullopt;
    if (!value) return Verdict::Wrong;
    sum += *value;
  }
  const auto total = word_value(result, digits);
  return verdict(total && *total == sum);
}

}  // namespace r1::rewards::puzzles
