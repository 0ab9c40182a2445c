#include "rewards/maths/compare.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/random.h"
#include "rewards/maths/evaluate.h"
#include "rewards/maths/normalise.h"

namespace r1::rewards::maths {
namespace {

constexpr double kRelativeTolerance = 1e-9;
constexpr double kDecimalTolerance = 0.5e-6;
constexpr double kProbeTolerance = 1e-8;
constexpr int kProbes = 6;
constexpr int kNeededProbes = 2;

/// Different beats unknown: one wrong element settles a tuple.
Answer both(Answer a, Answer b) {
  if (a == Answer::Different || b == Answer::Different) return Answer::Different;
  return a == Answer::Equal ? b : a;
}

Answer answer(bool equal) {
  return equal ? Answer::Equal : Answer::Different;
}

bool is_set(const Node& n) {
  return n.kind == Kind::List || (n.kind == Kind::Group && n.text == "{}");
}

bool is_inequality(const Node& n) {
  return n.kind == Kind::Relation && n.text != "=" && n.text != "in";
}

/// x, x_1, AB, f(x), (p,q), V_1:V_2: what may stand left of an assignment.
bool is_name(const Node& n) {
  if (n.kind == Kind::Symbol) return true;
  if (n.kind == Kind::Text) return true;
  const bool container = n.kind == Kind::Multiply || n.kind == Kind::Group || n.kind == Kind::List;
  return container && !n.children.empty() &&
         std::all_of(n.children.begin(), n.children.end(), is_name);
}

bool is_assignment(const Node& n) {
  return n.kind == Kind::Relation && (n.text == "=" || n.text == "in") &&
         (is_name(n.children[0]) || (n.text == "=" && is_name(n.children[1])));
}

/// The right side of an assignment ("2 = x" too), a percent sign kept.
const Node& assigned(const Node& n) {
  const bool computation = n.kind == Kind::Relation && n.text == "=" && free_symbols(n).empty();
  if (computation) return n.children[1];  // 10^3 = 1000
  if (!is_assignment(n)) return n;
  return is_name(n.children[0]) ? n.children[1] : n.children[0];
}

bool contains(const Node& n, Kind kind) {
  return n.kind == kind || std::any_of(n.children.begin(), n.children.end(),
                                       [kind](const Node& c) { return contains(c, kind); });
}

/// `n` with each PlusMinus replaced by its child with one sign.
Node with_sign(const Node& n, bool plus) {
  if (n.kind == Kind::PlusMinus) {
    Node child = with_sign(n.children[0], plus);
    return plus ? child : Node{Kind::Negate, "", {std::move(child)}};
  }
  Node out{n.kind, n.text, {}};
  for (const Node& child : n.children) out.children.push_back(with_sign(child, plus));
  return out;
}

Node infinity(bool negative) {
  Node symbol{Kind::Symbol, "\\infty", {}};
  return negative ? Node{Kind::Negate, "", {std::move(symbol)}} : symbol;
}

/// x < 3 as (-oo, 3).
std::optional<Node> ray(const Node& n) {
  if (!is_inequality(n) || n.text == "!=" || !is_name(n.children[0])) return {};
  const bool closed = n.text.size() == 2;
  if (n.text[0] == '<')
    return Node{Kind::Group, closed ? "(]" : "()", {infinity(true), n.children[1]}};
  return Node{Kind::Group, closed ? "[)" : "()", {n.children[1], infinity(false)}};
}

Node difference(const Node& relation) {
  const bool swap = relation.text[0] == '>';
  Node left = relation.children[swap ? 1 : 0];
  Node right{Kind::Negate, "", {relation.children[swap ? 0 : 1]}};
  return Node{Kind::Add, "", {std::move(left), std::move(right)}};
}

class Comparer {
 public:
  explicit Comparer(const Limits& limits) : limits_(limits) {}

  Answer nodes(const Node& a, const Node& b) const {
    if (a.kind == Kind::Relation && b.kind == Kind::Relation) return relations(a, b);
    const Node& x = assigned(a);
    const Node& y = assigned(b);
    if (is_set(x) || is_set(y) || contains(x, Kind::PlusMinus) || contains(y, Kind::PlusMinus))
      return sets(x, y);
    if (x.kind == Kind::Relation || y.kind == Kind::Relation) return ray_and_interval(x, y);
    if (x.kind == Kind::Group || y.kind == Kind::Group) return groups(x, y);
    if (x.kind == Kind::Text || y.kind == Kind::Text) return texts(x, y);
    if (is_union(x) && is_union(y)) return matching(union_parts(x), union_parts(y));
    return values(x, y);
  }

 private:
  static bool is_union(const Node& n) { return n.kind == Kind::Call && n.text == "cup"; }

  static std::vector<Node> union_parts(const Node& n) {
    if (!is_union(n)) return {n};
    std::vector<Node> parts = union_parts(n.children[0]);
    for (Node& part : union_parts(n.children[1])) parts.push_back(std::move(part));
    return parts;
  }

  static Answer texts(const Node& a, const Node& b) {
    return answer(a.text == b.text || plain_text(a.text) == plain_text(b.text));
  }

  Answer sets(const Node& a, const Node& b) const {
    // "1, 2" against (1, 2): the tuple's order counts.
    const bool list_and_tuple =
        (a.kind == Kind::List && is_tuple(b)) || (b.kind == Kind::List && is_tuple(a));
    if (list_and_tuple && !contains(a, Kind::PlusMinus) && !contains(b, Kind::PlusMinus))
      return in_order(a.children, b.children);
    const auto x = answer_elements(a);
    const auto y = answer_elements(b);
    if (x.size() == 1 && y.size() == 1 && !is_set(x[0]) && !is_set(y[0])) return nodes(x[0], y[0]);
    return matching(x, y);
  }

  static bool is_tuple(const Node& n) { return n.kind == Kind::Group && n.text == "()"; }

  /// Lists of assignments with the same names are compared by name: x=1, y=2 is not x=2, y=1.
  static bool same_names(const std::vector<Node>& a, const std::vector<Node>& b) {
    const auto names = [](const std::vector<Node>& list) {
      std::vector<std::string> out;
      for (const Node& n : list) {
        if (n.kind != Kind::Relation || n.children[0].kind != Kind::Symbol)
          return std::vector<std::string>{};
        out.push_back(n.children[0].text);
      }
      std::sort(out.begin(), out.end());
      return out;
    };
    const auto first = names(a);
    return !first.empty() && first == names(b);
  }

  Answer matching(const std::vector<Node>& a, const std::vector<Node>& b) const {
    if (a.size() != b.size()) return Answer::Different;
    const bool by_name = same_names(a, b);
    std::vector<bool> used(b.size(), false);
    Answer result = Answer::Equal;
    for (const Node& x : a) {
      Answer best = Answer::Different;
      for (std::size_t k = 0; k < b.size() && best != Answer::Equal; ++k) {
        if (used[k] || (by_name && x.children[0].text != b[k].children[0].text)) continue;
        const Answer one = nodes(x, b[k]);
        if (one == Answer::Equal) used[k] = true;
        if (one != Answer::Different) best = one;
      }
      result = both(result, best);
      if (result == Answer::Different) return result;
    }
    return result;
  }

  Answer in_order(const std::vector<Node>& a, const std::vector<Node>& b) const {
    if (a.size() != b.size()) return Answer::Different;
    Answer result = Answer::Equal;
    for (std::size_t k = 0; k < a.size() && result != Answer::Different; ++k)
      result = both(result, nodes(a[k], b[k]));
    return result;
  }

  Answer groups(const Node& a, const Node& b) const {
    if (a.kind != Kind::Group || b.kind != Kind::Group) return Answer::Different;
    if (a.text == b.text) return in_order(a.children, b.children);
    const auto vector_a = as_vector(a);
    const auto vector_b = as_vector(b);
    const bool matrix = a.text == "matrix" || b.text == "matrix";
    return matrix && vector_a && vector_b ? in_order(*vector_a, *vector_b) : Answer::Different;
  }

  /// The entries of a tuple, or of a matrix with one row or one column.
  static std::optional<std::vector<Node>> as_vector(const Node& n) {
    if (n.text == "()" || n.text == "[]") return n.children;
    if (n.text != "matrix") return {};
    if (n.children.size() == 1) return n.children[0].children;
    std::vector<Node> column;
    for (const Node& row : n.children) {
      if (row.children.size() != 1) return {};
      column.push_back(row.children[0]);
    }
    return column;
  }

  Answer relations(const Node& a, const Node& b) const {
    if (is_assignment(a) && is_assignment(b)) {
      const Answer sides = nodes(assigned(a), assigned(b));
      if (sides != Answer::Different || a.text == "in") return sides;
    }
    if (a.text == "=" && b.text == "=") return proportional(difference(a), difference(b), false);
    if (is_inequality(a) != is_inequality(b) || a.text.size() != b.text.size()) {
      const bool mixed = is_inequality(a) != is_inequality(b);
      return mixed ? ray_and_interval(a, b) : Answer::Different;
    }
    if (a.text == "!=" || b.text == "!=")
      return a.text == b.text ? proportional(difference(a), difference(b), false)
                              : Answer::Different;
    return proportional(difference(a), difference(b), true);
  }

  Answer ray_and_interval(const Node& a, const Node& b) const {
    const Node& x = assigned(a);
    const Node& y = assigned(b);
    const auto first = ray(x);
    const auto second = ray(y);
    if (first && y.kind == Kind::Group) return groups(*first, y);
    if (second && x.kind == Kind::Group) return groups(x, *second);
    return Answer::Different;
  }

  // --- values
  Answer values(const Node& a, const Node& b) const {
    if (a.kind == Kind::Percent && b.kind != Kind::Percent) {
      const Answer hundredth = plain_values(a, b);
      return hundredth == Answer::Equal ? hundredth : plain_values(a.children[0], b);
    }
    if (b.kind == Kind::Percent && a.kind != Kind::Percent) {
      const Answer hundredth = plain_values(a, b);
      return hundredth == Answer::Equal ? hundredth : plain_values(a, b.children[0]);
    }
    return plain_values(a, b);
  }

  Answer plain_values(const Node& a, const Node& b) const {
    if (!free_symbols(a).empty() || !free_symbols(b).empty()) return functions(a, b);
    const Value x = evaluate(a, {}, limits_);
    const Value y = evaluate(b, {}, limits_);
    if (x.state == Value::State::Limit || y.state == Value::State::Limit) return Answer::Unknown;
    if (!x.known() || !y.known()) return Answer::Different;
    const bool exact = x.state == Value::State::Exact && y.state == Value::State::Exact;
    if (exact && x.exact == y.exact) return Answer::Equal;
    const bool decimal_a = has_decimal(a);
    const bool decimal_b = has_decimal(b);
    if (exact && decimal_a == decimal_b) return Answer::Different;
    const double distance = std::abs(x.number - y.number);
    const double size = std::max(std::abs(x.number), std::abs(y.number));
    if (decimal_a != decimal_b) {  // a decimal stands for an expression: absolute, but not at zero
      constexpr double kRelativeFloor = 1e-2;
      const bool whole = exact && (x.exact.is_integer() || y.exact.is_integer());
      return answer(!whole && distance <= kDecimalTolerance && distance <= kRelativeFloor * size);
    }
    return answer(!exact && distance <= kRelativeTolerance * size);
  }

  static SymbolValue probe(int index) {
    return [index](const std::string& name) {
      const auto seed =
          base::derive_seed({base::hash_name(name), static_cast<std::uint64_t>(index)});
      return 0.5 + 2.0 * base::uniform(seed, 0);
    };
  }

  Answer functions(const Node& a, const Node& b) const {
    int agreed = 0;
    bool limit = false;
    for (int k = 0; k < kProbes; ++k) {
      const Value x = evaluate(a, probe(k), limits_);
      const Value y = evaluate(b, probe(k), limits_);
      limit |= x.state == Value::State::Limit || y.state == Value::State::Limit;
      if (!x.known() || !y.known()) continue;
      const double size = std::max({std::abs(x.number), std::abs(y.number), 1e-3});
      if (std::abs(x.number - y.number) > kProbeTolerance * size) return Answer::Different;
      ++agreed;
    }
    if (agreed >= kNeededProbes) return Answer::Equal;
    return limit ? Answer::Unknown : Answer::Different;
  }

  /// f = c g at all probe points for one constant c, positive where order counts.
  Answer proportional(const Node& f, const Node& g, bool positive) const {
    std::optional<std::complex<double>> factor;
    int agreed = 0;
    for (int k = 0; k < kProbes; ++k) {
      const Value x = evaluate(f, probe(k), limits_);
      const Value y = evaluate(g, probe(k), limits_);
      if (!x.known() || !y.known() || std::abs(y.number) < kRelativeTolerance) continue;
      const auto ratio = x.number / y.number;
      if (std::abs(ratio) < kRelativeTolerance) return Answer::Different;
      if (factor && std::abs(ratio - *factor) > kProbeTolerance * std::abs(*factor))
        return Answer::Different;
      if (positive && ratio.real() < 0.0) return Answer::Different;
      factor = ratio;
      ++agreed;
    }
    return answer(agreed >= kNeededProbes);
  }

  const Limits& limits_;
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

std::vector<Node> answer_elements(const Node& node) {
  const Node& n = assigned(node);
  const std::vector<Node> children = is_set(n) ? n.children : std::vector<Node>{n};
  std::vector<Node> out;
  for (const Node& child : children) {
    // A list inside an assignment inside a list: x = 1, y = 2; p = 3.
    if (contains(child, Kind::PlusMinus)) {
      out.push_back(with_sign(child, true));
      out.push_back(with_sign(child, false));
    } else {
      out.push_back(child);
    }
  }
  return out;
}

}  // namespace r1::rewards::maths
