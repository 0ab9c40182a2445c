#include "rewards/maths/compare.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "rewards/maths/congruence.h"
#include "rewards/maths/evaluate.h"
#include "rewards/maths/normalise.h"
#include "rewards/maths/number_words.h"
#include "rewards/maths/numbers.h"
#include "rewards/maths/shapes.h"

namespace r1::rewards::maths {
namespace {

/// Different beats unknown: one wrong element settles a tuple.
Answer both(Answer a, Answer b) {
  if (a == Answer::Different || b == Answer::Different) return Answer::Different;
  return a == Answer::Equal ? b : a;
}

Answer answer(bool equal) {
  return equal ? Answer::Equal : Answer::Different;
}

bool is_base(const Node& n) {
  const bool ten = n.kind == Kind::Call && n.text == "base" && n.children[1].text == "10";
  return n.kind == Kind::Call && n.text == "base" && !ten;
}

/// x is x_1 too, where it is one of several.
bool same_name(const std::string& a, const std::string& b) {
  return a == b || a.starts_with(b + '_') || b.starts_with(a + '_');
}

bool is_empty_set(const Node& n) {
  return (n.kind == Kind::Symbol && n.text == "\\emptyset") ||
         (n.kind == Kind::Group && n.text == "{}" && n.children.empty());
}

/// 12:30 may be a time, which no common factor shortens.
bool may_be_time(const Node& ratio) {
  if (ratio.children.size() != 2) return true;
  const Node& hours = ratio.children[0];
  const Node& minutes = ratio.children[1];
  return is_integer_literal(hours) && is_integer_literal(minutes) && minutes.text.size() == 2 &&
         hours.text.size() <= 2;
}

/// 2:05, which 2:5 is not.
bool has_clock_minutes(const Node& ratio) {
  const std::string& last = ratio.children.back().text;
  return is_integer_literal(ratio.children.back()) && last.size() == 2 && last[0] == '0';
}

class Comparer {
 public:
  explicit Comparer(const Limits& limits) : limits_(limits), budget_(limits) {}

  Answer nodes(const Node& a, const Node& b) {
    if (a == b) return Answer::Equal;
    if (!budget_.spend(1)) return Answer::Unknown;
    if (is_congruence(a) || is_congruence(b)) return congruences(a, b);
    if (a.kind == Kind::Relation && b.kind == Kind::Relation) return relations(a, b);
    const Node& x = assigned(a);
    const Node& y = assigned(b);
    if (is_empty_set(x) || is_empty_set(y)) return answer(is_empty_set(x) && is_empty_set(y));
    if (const auto found = real_sets(x, y)) return *found;
    if (is_set(x) || is_set(y) || contains(x, Kind::PlusMinus) || contains(y, Kind::PlusMinus))
      return sets(x, y);
    if (x.kind == Kind::Relation || y.kind == Kind::Relation) return Answer::Different;
    if (is_ratio(x) || is_ratio(y)) return ratios(x, y);
    if (x.kind == Kind::Group || y.kind == Kind::Group) return groups(x, y);
    if (x.kind == Kind::Text || y.kind == Kind::Text) return texts(x, y);
    return values(x, y);
  }

 private:
  static bool is_ratio(const Node& n) { return n.kind == Kind::Group && n.text == ":"; }

  /// Residues of one modulus; a value alone must be the residue as it is written, because every
  /// integer is congruent to every other modulo 1.
  Answer congruences(const Node& a, const Node& b) {
    if (is_congruence(a) != is_congruence(b))
      return is_congruence(a) ? nodes(a.children[0], assigned(b))
                              : nodes(assigned(a), b.children[0]);
    const Answer moduli = nodes(a.children[1], b.children[1]);
    if (moduli != Answer::Equal) return moduli;
    const auto same = same_residue(a.children[0], b.children[0], a.children[1], limits_);
    return same ? answer(*same) : nodes(a.children[0], b.children[0]);
  }

  static Answer texts(const Node& a, const Node& b) {
    if (a.kind == Kind::Number) return answer(number_in_words(b.text) == a.text);
    if (b.kind == Kind::Number) return answer(number_in_words(a.text) == b.text);
    return answer(a.kind != Kind::Number && b.kind != Kind::Number &&
                  plain_text(a.text) == plain_text(b.text));
  }

  /// Sets of real numbers written in two ways: inequality and interval, union and inequalities.
  std::optional<Answer> real_sets(const Node& a, const Node& b) {
    const auto plain = [](const Node& n) {
      return n.kind == Kind::Group || n.kind == Kind::Relation;
    };
    const bool inequality = is_inequality(a) || is_inequality(b);
    if ((plain(a) && plain(b) && !inequality) || a.kind == Kind::Text || b.kind == Kind::Text)
      return {};
    const auto x = as_intervals(a);
    const auto y = as_intervals(b);
    if (!x || !y) return {};
    return matching(*x, *y);
  }

  // --- lists and sets
  Answer sets(const Node& a, const Node& b) {
    const bool signs = contains(a, Kind::PlusMinus) || contains(b, Kind::PlusMinus);
    // "1, 2" against (1, 2): the tuple's order counts.
    const bool list_and_tuple =
        (a.kind == Kind::List && is_tuple(b)) || (b.kind == Kind::List && is_tuple(a));
    if (list_and_tuple && !signs)
      return in_order(by_coordinate(a.children), by_coordinate(b.children));
    if (conflicting(a, b)) return Answer::Different;
    const auto x = unique(a);
    const auto y = unique(b);
    if (x.size() == 1 && y.size() == 1) {
      const bool plain = !is_set(x[0]) && !is_set(y[0]);
      return plain ? nodes(x[0], y[0]) : matching_sets(x[0], y[0]);
    }
    return matching(x, y);
  }

  /// {{1,2}} and its kin: one set in a set.
  Answer matching_sets(const Node& a, const Node& b) {
    const auto elements = [](const Node& n) {
      return is_set(n) ? n.children : std::vector<Node>{n};
    };
    return matching(elements(a), elements(b));
  }

  /// x > 1 and x < 3 against x > 1 or x < 3.
  static bool conflicting(const Node& a, const Node& b) {
    const auto joined = [](const Node& n) {
      return n.kind == Kind::List &&
             std::any_of(n.children.begin(), n.children.end(), is_inequality);
    };
    return joined(a) && joined(b) && (a.text == "and") != (b.text == "and");
  }

  /// The elements, of {…} and of lists of tuples each once.
  std::vector<Node> unique(const Node& n) {
    std::vector<Node> elements = answer_elements(n);
    const bool tuples = std::all_of(elements.begin(), elements.end(),
                                    [](const Node& e) { return e.kind == Kind::Group; });
    if (n.kind != Kind::Group && !tuples) return elements;
    std::vector<Node> out;
    for (Node& e : elements) {
      const bool seen = std::any_of(out.begin(), out.end(),
                                    [&](const Node& o) { return nodes(o, e) == Answer::Equal; });
      if (!seen) out.push_back(std::move(e));
    }
    return out;
  }

  /// The names of a list of assignments; empty when some element is none.
  static std::vector<Node> names(const std::vector<Node>& list) {
    std::vector<Node> out;
    for (const Node& n : list) {
      if (n.kind != Kind::Relation || !is_assignment(n)) return {};
      out.push_back(name_of(n));
    }
    return out;
  }

  /// "y = 3, x = 4" in the order x, y, z.
  static std::vector<Node> by_coordinate(const std::vector<Node>& list) {
    const auto named = names(list);
    const bool coordinates = std::all_of(named.begin(), named.end(), [](const Node& name) {
      return name.text == "x" || name.text == "y" || name.text == "z";
    });
    if (named.empty() || !coordinates) return list;
    std::vector<Node> sorted = list;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Node& a, const Node& b) {
      return name_of(a).text < name_of(b).text;
    });
    return sorted;
  }

  static bool all_distinct(const std::vector<Node>& names) {
    for (std::size_t k = 0; k < names.size(); ++k)
      if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(k), names[k]) !=
          names.begin() + static_cast<std::ptrdiff_t>(k))
        return false;
    return names.size() > 1;
  }

  /// x=1, y=2 is not x=2, y=1; against 1, 2 without names the order counts.
  Answer matching(const std::vector<Node>& a, const std::vector<Node>& b) {
    if (a.size() != b.size()) return Answer::Different;
    const auto names_a = names(a);
    const auto names_b = names(b);
    if (names_a.empty() != names_b.empty() && (all_distinct(names_a) || all_distinct(names_b)))
      return in_order(by_coordinate(a), by_coordinate(b));
    const bool by_name =
        all_distinct(names_a) &&
        std::is_permutation(names_a.begin(), names_a.end(), names_b.begin(), names_b.end());
    std::vector<bool> used(b.size(), false);
    Answer result = Answer::Equal;
    for (std::size_t j = 0; j < a.size() && result != Answer::Different; ++j) {
      Answer best = Answer::Different;
      for (std::size_t k = 0; k < b.size() && best != Answer::Equal; ++k) {
        if (used[k] || (by_name && !(names_a[j] == names_b[k]))) continue;
        const Answer one = nodes(a[j], b[k]);
        if (one == Answer::Equal) used[k] = true;
        if (one != Answer::Different) best = one;
      }
      result = both(result, best);
    }
    return result;
  }

  Answer in_order(const std::vector<Node>& a, const std::vector<Node>& b) {
    if (a.size() != b.size()) return Answer::Different;
    Answer result = Answer::Equal;
    for (std::size_t k = 0; k < a.size() && result != Answer::Different; ++k)
      result = both(result, nodes(a[k], b[k]));
    return result;
  }

  // --- brackets
  Answer groups(const Node& a, const Node& b) {
    if (a.kind != Kind::Group || b.kind != Kind::Group) return Answer::Different;
    constexpr std::size_t kVector = 3;  // [1, 2, 3] is no interval
    const bool vectors = (a.text == "()" && b.text == "[]") || (a.text == "[]" && b.text == "()");
    if (a.text == b.text || (vectors && a.children.size() >= kVector))
      return in_order(a.children, b.children);
    if (a.text != "matrix" && b.text != "matrix") return Answer::Different;
    const auto rows_a = as_rows(a);
    const auto rows_b = as_rows(b);
    if (rows_a && rows_b) return rows(*rows_a, *rows_b);
    const auto vector_a = as_vector(a);
    const auto vector_b = as_vector(b);
    return vector_a && vector_b ? in_order(*vector_a, *vector_b) : Answer::Different;
  }

  Answer rows(const std::vector<Node>& a, const std::vector<Node>& b) {
    if (a.size() != b.size()) return Answer::Different;
    Answer result = Answer::Equal;
    for (std::size_t k = 0; k < a.size(); ++k)
      result = both(result, in_order(a[k].children, b[k].children));
    return result;
  }

  /// 2:4 is 1:2 and 1/2, unless it may be a time.
  Answer ratios(const Node& a, const Node& b) {
    if (is_ratio(a) && is_ratio(b)) {
      if (has_clock_minutes(a) != has_clock_minutes(b)) return Answer::Different;
      const Answer same = in_order(a.children, b.children);
      if (same != Answer::Different || a.children.size() != b.children.size()) return same;
      if (may_be_time(a) || may_be_time(b)) return same;
      const auto& x = a.children;
      const auto& y = b.children;
      return values(Node{Kind::Multiply, "", {x[0], y[1]}}, Node{Kind::Multiply, "", {y[0], x[1]}});
    }
    const Node& ratio = is_ratio(a) ? a : b;
    const Node& value = is_ratio(a) ? b : a;
    if (may_be_time(ratio) || value.kind == Kind::Group) return Answer::Different;
    return values(Node{Kind::Divide, "", ratio.children}, value);
  }

  // --- relations
  Answer relations(const Node& a, const Node& b) {
    if (states_value(a) || states_value(b)) return nodes(assigned(a), assigned(b));
    if (is_assignment(a) && is_assignment(b)) {
      const Answer sides = assignments(a, b);
      if (sides != Answer::Different || a.text == "in") return sides;
    }
    if (is_inequality(a) != is_inequality(b)) {
      const auto found = real_sets(assigned(a), assigned(b));
      return found ? *found : Answer::Different;
    }
    const bool equations = a.text == "=" && b.text == "=";
    if (equations || a.text == "!=" || b.text == "!=")
      return a.text == b.text ? proportional(a, b, false) : Answer::Different;
    return a.text.size() == b.text.size() ? proportional(a, b, true) : Answer::Different;
  }

  /// By the right side; x = 4 and y = 4 are two lines, y = 2x and f(x) = 2x one function.
  Answer assignments(const Node& a, const Node& b) {
    const Node& x = assigned(a);
    const Node& y = assigned(b);
    const bool two_symbols = name_of(a).kind == Kind::Symbol && name_of(b).kind == Kind::Symbol;
    const bool constants = free_symbols(x).empty() && free_symbols(y).empty();
    if (two_symbols && constants && !same_name(name_of(a).text, name_of(b).text))
      return Answer::Different;
    return nodes(x, y);
  }

  Answer proportional(const Node& a, const Node& b, bool positive) {
    return compare_up_to_factor(side_difference(a), side_difference(b), positive, budget_);
  }

  // --- values
  Answer values(const Node& a, const Node& b) {
    const int infinite_a = infinity_sign(a);
    const int infinite_b = infinity_sign(b);
    if (infinite_a != 0 || infinite_b != 0) return answer(infinite_a == infinite_b);
    if (is_base(a) != is_base(b)) return Answer::Different;
    const bool percent_a = a.kind == Kind::Percent;
    const bool percent_b = b.kind == Kind::Percent;
    if (percent_a == percent_b) return plain_values(a, b);
    const Answer hundredth = plain_values(a, b);
    if (hundredth == Answer::Equal) return hundredth;
    return percent_a ? plain_values(a.children[0], b) : plain_values(a, b.children[0]);
  }

  Answer plain_values(const Node& a, const Node& b) {
    const bool numbers = free_symbols(a).empty() && free_symbols(b).empty();
    return numbers ? compare_numbers(a, b, budget_) : compare_functions(a, b, budget_);
  }

  Limits limits_;
  Budget budget_;
};

}  // namespace

Answer compare(const Node& gold, const Node& prediction, const Limits& limits) {
  return Comparer(limits).nodes(gold, prediction);
}

bool numeric_distance(const Node& gold, const Node& prediction, const Limits& limits,
                      double& relative_error) {
  const Value g = evaluate(assigned(gold), {}, limits);
  const Value p = evaluate(assigned(prediction), {}, limits);
  if (!g.known() || !p.known()) return false;
  constexpr double kSmallest = 1e-12;
  constexpr double kLargest = 1e9;
  relative_error =
      std::min(std::abs(p.number - g.number) / std::max(std::abs(g.number), kSmallest), kLargest);
  return std::isfinite(relative_error);
}

}  // namespace r1::rewards::maths
