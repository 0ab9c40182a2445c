// Propositional logic: decides by a truth table whether a formula follows from the premises.
#include <algorithm>
#include <memory>
#include <optional>

#include "data/text.h"
#include "rewards/puzzles/scorer.h"

namespace r1::rewards::puzzles {
namespace {

/// ↔ binds weakest, then →, ∨, ∧, ¬; evaluated while it is read, once per row of the table.
class Formula {
 public:
  explicit Formula(std::string_view text) : text_(text) {}

  /// Bit i of `row` is the value of letter 'A' + i. Nothing: not a formula.
  std::optional<bool> value(std::uint32_t row) {
    at_ = 0;
    row_ = row;
    depth_ = 0;
    good_ = true;
    const bool result = chain(0);
    skip_space();
    if (!good_ || at_ != text_.size()) return std::nullopt;
    return result;
  }

 private:
  static constexpr int kMaxDepth = 64;
  static constexpr std::string_view kOperators[4] = {"↔", "→", "∨", "∧"};

  void skip_space() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view sign) {
    skip_space();
    if (text_.substr(at_, sign.size()) != sign) return false;
    at_ += sign.size();
    return true;
  }

  bool chain(std::size_t level) {
    if (level == 4) return factor();
    bool left = chain(level + 1);
    while (good_ && take(kOperators[level])) {
      // → associates to the right, the others do not care.
      const bool right = level == 1 ? chain(1) : chain(level + 1);
      if (level == 0) left = left == right;
      if (level == 1) left = !left || right;
      if (level == 2) left = left || right;
      if (level == 3) left = left && right;
    }
    return left;
  }

  bool factor() {
    if (++depth_ > kMaxDepth) good_ = false;
    bool result = false;
    if (!good_) {
      // nothing more is read
    } else if (take("¬")) {
      result = !factor();
    } else if (take("(")) {
      result = chain(0);
      good_ = good_ && take(")");
    } else if (at_ < text_.size() && text_[at_] >= 'A' && text_[at_] <= 'Z') {
      result = (row_ >> (text_[at_++] - 'A') & 1U) != 0;
    } else {
      good_ = false;
    }
    --depth_;
    return result;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t row_ = 0;
  int depth_ = 0;
  bool good_ = true;
};

std::string without_space(std::string_view text) {
  std::string out(text);
  std::erase(out, ' ');
  while (out.size() > 2 && out.front() == '(' && out.back() == ')' &&
         Formula(std::string_view(out).substr(1, out.size() - 2)).value(0))
    out = out.substr(1, out.size() - 2);
  return out;
}

struct Premises {
  std::vector<std::string> texts;
  std::string letters;
};

bool read_premises(const nlohmann::json& metadata, Premises& premises) {
  constexpr std::size_t kMostLetters = 12;  // 4,096 rows
  for (const auto& [field, is_letter] : {std::pair{"premises", false}, {"variables", true}}) {
    const auto list = metadata.find(field);
    if (list == metadata.end() || !list->is_array()) return false;
    for (const auto& item : *list) {
      if (!item.is_string()) return false;
      const auto text = item.get<std::string>();
      if (is_letter && (text.size() != 1 || text[0] < 'A' || text[0] > 'Z')) return false;
      if (is_letter)
        premises.letters += text;
      else
        premises.texts.push_back(text);
    }
  }
  return !premises.texts.empty() && premises.letters.size() <= kMostLetters;
}

}  // namespace

Verdict entailment(std::string_view given, const Puzzle& puzzle) {
  constexpr std::size_t kMostBytes = 2048;
  Premises premises;
  if (!read_premises(puzzle.metadata, premises)) return Verdict::NoGold;
  const std::string answer = data::trim(given);
  if (answer.size() > kMostBytes) return Verdict::Unreadable;
  for (const char c : answer)
    if (c >= 'A' && c <= 'Z' && premises.letters.find(c) == std::string::npos)
      return Verdict::Wrong;
  for (const auto& premise : premises.texts)
    if (without_space(premise) == without_space(answer)) return Verdict::Wrong;
  Formula formula(answer);
  bool tautology = true;
  for (std::uint32_t table_row = 0; table_row < (1U << premises.letters.size()); ++table_row) {
    std::uint32_t row = 0;
    for (std::size_t i = 0; i < premises.letters.size(); ++i)
      row |= (table_row >> i & 1U) << (premises.letters[i] - 'A');
    const auto value = formula.value(row);
    if (!value) return Verdict::Unreadable;
    tautology = tautology && *value;
    bool holds = true;
    for (const auto& premise : premises.texts) {
      const auto fact = Formula(premise).value(row);
      if (!fact) return Verdict::NoGold;
      holds = holds && *fact;
    }
    if (holds && !*value) return Verdict::Wrong;
  }
  return tautology ? Verdict::Wrong : Verdict::Right;
}

}  // namespace r1::rewards::puzzles
