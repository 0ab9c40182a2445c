// Scorers of answers that are words or lists of words.
#include <algorithm>
#include <set>

#include "data/text.h"
#include "rewards/puzzles/reading.h"
#include "rewards/puzzles/scorer.h"

namespace r1::rewards::puzzles {
namespace {

Verdict verdict(bool right) {
  return right ? Verdict::Right : Verdict::Wrong;
}

std::vector<std::string> items_of(std::string_view text) {
  std::string inner = data::trim(text);
  if (inner.size() >= 2 && inner.front() == '[' && inner.back() == ']')
    inner = inner.substr(1, inner.size() - 2);
  if (data::trim(inner).empty()) return {};
  std::vector<std::string> items;
  for (const std::string& item : data::split_at(inner, ",")) items.push_back(unwrapped(item));
  return items;
}

bool same_item(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto left = canonical_decimal(a);
  return left && left == canonical_decimal(b);
}

using Roles = std::set<std::pair<std::string, std::string>>;

/// (name, role) of each "Name is a role"; a word that is neither is a name.
Roles roles_of(std::string_view text, const std::set<std::string>& roles) {
  Roles found;
  std::string plain = data::lower_ascii(text);
  for (char& c : plain)
    if (c == '.' || c == ',' || c == '(' || c == ')' || c == '"' || c == '*') c = ' ';
  std::string name;
  for (const std::string& word : data::split_whitespace(plain)) {
    if (word == "is" || word == "a" || word == "an" || word == "and") continue;
    if (roles.count(word) == 0) {
      name = word;
    } else if (!name.empty()) {
      found.emplace(name, word);
      name.clear();
    }
  }
  return found;
}

/// Array of arrays of strings in a canonical order; `sort_inner`: each is a set too.
bool canonical_sets(std::string_view text, bool sort_inner,
                    std::vector<std::vector<std::string>>& sets) {
  const auto json = lenient_json(text);
  if (!json.is_array()) return false;
  for (const auto& inner : json) {
    if (!inner.is_array()) return false;
    auto& set = sets.emplace_back();
    for (const auto& item : inner) {
      if (!item.is_string()) return false;
      set.push_back(item.get<std::string>());
    }
    if (sort_inner) std::sort(set.begin(), set.end());
  }
  std::sort(sets.begin(), sets.end());
  return true;
}

Verdict compare_sets(std::string_view answer, const Puzzle& puzzle, bool sort_inner) {
  std::vector<std::vector<std::string>> given;
  std::vector<std::vector<std::string>> gold;
  if (!canonical_sets(puzzle.answer, sort_inner, gold)) return Verdict::NoGold;
  if (!canonical_sets(answer, sort_inner, given)) return Verdict::Unreadable;
  return verdict(given == gold);
}

}  // namespace

Verdict exact(std::string_view answer, const Puzzle& puzzle) {
  return verdict(same_text(answer, puzzle.answer));
}

Verdict caseless(std::string_view answer, const Puzzle& puzzle) {
  return verdict(same_text(data::lower_ascii(answer), data::lower_ascii(puzzle.answer)));
}

Verdict assignment(std::string_view answer, const Puzzle& puzzle) {
  std::set<std::string> roles;
  const auto terms = puzzle.metadata.find("knight_knave_terms");
  if (terms == puzzle.metadata.end() || !terms->is_object()) return Verdict::NoGold;
  for (const char* name : {"knight", "knave"})
    if (const auto term = terms->find(name); term != terms->end() && term->is_string())
      roles.insert(data::lower_ascii(term->get<std::string>()));
  const Roles gold = roles_of(puzzle.answer, roles);
  if (gold.empty()) return Verdict::NoGold;
  const Roles given = roles_of(answer, roles);
  return given.empty() ? Verdict::Unreadable : verdict(given == gold);
}

Verdict list(std::string_view answer, const Puzzle& puzzle) {
  const auto gold = items_of(puzzle.answer);
  const auto given = items_of(answer);
  return verdict(std::equal(given.begin(), given.end(), gold.begin(), gold.end(), same_item));
}

Verdict groups(std::string_view answer, const Puzzle& puzzle) {
  return compare_sets(answer, puzzle, true);
}

Verdict lists(std::string_view answer, const Puzzle& puzzle) {
  return compare_sets(answer, puzzle, false);
}

Verdict palindrome(std::string_view answer, const Puzzle& puzzle) {
  const auto letters = puzzle.metadata.find("letters");
  if (letters == puzzle.metadata.end() || !letters->is_array()) return Verdict::NoGold;
  std::string wanted;
  for (const auto& letter : *letters)
    if (letter.is_string()) wanted += data::lower_ascii(letter.get<std::string>());
  const std::string given = data::lower_ascii(unwrapped(answer));
  if (!std::equal(given.begin(), given.end(), given.rbegin())) return Verdict::Wrong;
  return verdict(std::is_permutation(given.begin(), given.end(), wanted.begin(), wanted.end()));
}

}  // namespace r1::rewards::puzzles
