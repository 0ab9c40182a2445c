#include "rewards/maths/shapes.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "rewards/maths/evaluate.h"

namespace r1::rewards::maths {
namespace {

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

Node negated(const Node& n) {
  return Node{Kind::Negate, "", {n}};
}

/// f^{-1}.
bool is_inverse_function(const Node& n) {
  return n.kind == Kind::Power && n.children[0].kind == Kind::Symbol &&
         std::string_view("fgh").find(n.children[0].text) != std::string_view::npos &&
         n.children[1] == negated(Node{Kind::Number, "1", {}});
}

/// f(3).
bool is_function_value(const Node& n) {
  if (n.kind != Kind::Multiply || n.children.size() != 2) return false;
  const Node& name = n.children[0];
  return name.kind == Kind::Symbol && n.children[1].kind == Kind::Number && name.text.size() == 1 &&
         std::string_view("fghFGP").find(name.text) != std::string_view::npos;
}

/// \phi(10).
bool is_arithmetic_value(const Node& n) {
  return n.kind == Kind::Multiply && n.children.size() == 2 && n.children[0].kind == Kind::Symbol &&
         is_integer_literal(n.children[1]) &&
         (n.children[0].text == "\\phi" || n.children[0].text == "\\varphi" ||
          n.children[0].text == "\\sigma" || n.children[0].text == "\\tau");
}

/// dy/dx, d/dx, d^2y/dx^2.
bool is_derivative(const Node& n) {
  const auto begins_with_d = [](const Node& side) {
    const Node* first = &side;
    while ((first->kind == Kind::Multiply || first->kind == Kind::Power) &&
           !first->children.empty())
      first = &first->children[0];
    return first->kind == Kind::Symbol && first->text == "d";
  };
  return n.kind == Kind::Divide && n.children[1].kind == Kind::Multiply &&
         begins_with_d(n.children[0]) && begins_with_d(n.children[1]);
}

/// A sum over an index, a limit, an event such as X = 3, a derivative: nothing to solve for.
bool is_computed(const Node& n) {
  if (n.kind == Kind::Relation || is_derivative(n)) return true;
  if (n.kind == Kind::Call && n.text.starts_with('\\')) return true;
  if (n.kind == Kind::Multiply && n.children[0].kind == Kind::Text) return true;  // lcm(2, 3)
  return std::any_of(n.children.begin(), n.children.end(), is_computed);
}

/// |AB|, and |A|, a determinant or a count.
bool is_length(const Node& n) {
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  return n.kind == Kind::Call && n.text == "abs" && n.children[0].kind == Kind::Symbol &&
         n.children[0].text.size() <= 2 &&
         std::all_of(n.children[0].text.begin(), n.children[0].text.end(), is_capital);
}

Node infinity(bool negative) {
  Node symbol{Kind::Symbol, "\\infty", {}};
  return negative ? negated(symbol) : symbol;
}

bool is_absolute(const Node& n) {
  return n.kind == Kind::Call && n.text == "abs" && is_name(n.children[0]);
}

Node interval(char open, Node low, Node high, char close) {
  return Node{Kind::Group, std::string{open, close}, {std::move(low), std::move(high)}};
}

using Intervals = std::vector<Node>;

/// x < 3 as (-oo, 3), 3 > x too; |x| < 3 as (-3, 3); x != 3 as two rays.
std::optional<Intervals> from_inequality(const Node& n) {
  const bool flip = !is_name(n.children[0]) && !is_absolute(n.children[0]);
  const Node& name = n.children[flip ? 1 : 0];
  const Node& bound = n.children[flip ? 0 : 1];
  if (!is_name(name) && !is_absolute(name)) return {};
  if (n.text == "!=")
    return Intervals{interval('(', infinity(true), bound, ')'),
                     interval('(', bound, infinity(false), ')')};
  const bool closed = n.text.size() == 2;
  const char open = closed ? '[' : '(';
  const char close = closed ? ']' : ')';
  const bool below = (n.text[0] == '<') != flip;
  if (is_absolute(name)) {
    if (below) return Intervals{interval(open, negated(bound), bound, close)};
    return Intervals{interval('(', infinity(true), negated(bound), close),
                     interval(open, bound, infinity(false), ')')};
  }
  if (below) return Intervals{interval('(', infinity(true), bound, close)};
  return Intervals{interval(open, bound, infinity(false), ')')};
}

/// 1 < |x| < 2 as two intervals.
std::optional<Intervals> from_absolute_chain(const Node& list) {
  const Node& low = list.children[0];
  const Node& high = list.children[1];
  if (low.text[0] != '<' || high.text[0] != '<' || !is_absolute(low.children[1]) ||
      low.children[1] != high.children[0])
    return {};
  const Node& a = low.children[0];
  const Node& b = high.children[1];
  const Value value = evaluate(a, {}, Limits{});
  if (!value.known() || value.number.real() < 0.0) return {};
  const char open = low.text.size() == 2 ? '[' : '(';
  const char close = high.text.size() == 2 ? ']' : ')';
  return Intervals{
      interval(close == ']' ? '[' : '(', negated(b), negated(a), open == '[' ? ']' : ')'),
      interval(open, a, b, close)};
}

/// x > 1 and x < 3.
std::optional<Intervals> from_conjunction(const Node& list) {
  if (list.children.size() != 2) return {};
  if (auto chain = from_absolute_chain(list)) return chain;
  const auto first = from_inequality(list.children[0]);
  const auto second = from_inequality(list.children[1]);
  if (!first || !second || first->size() != 1 || second->size() != 1) return {};
  const Node* low = &first->front();
  const Node* high = &second->front();
  if (infinity_sign(low->children[0]) == -1) std::swap(low, high);
  const bool rays = infinity_sign(low->children[1]) == 1 && infinity_sign(high->children[0]) == -1;
  if (!rays) return {};
  return Intervals{interval(low->text[0], low->children[0], high->children[1], high->text[1])};
}

bool is_interval(const Node& n) {
  return n.kind == Kind::Group && n.children.size() == 2 && n.text.size() == 2 && n.text != "{}";
}

std::optional<Intervals> from_list(const Node& list) {
  // "0 < x < 1 or 2 < x < 3" was read as intervals.
  const auto is_part = [&](const Node& child) {
    return is_inequality(child) || (list.text == "or" && is_interval(child));
  };
  if (!std::all_of(list.children.begin(), list.children.end(), is_part)) return {};
  if (list.text == "and") return from_conjunction(list);
  Intervals out;
  for (const Node& child : list.children) {
    const auto part = is_interval(child) ? Intervals{child} : from_inequality(child);
    if (!part) return {};
    out.insert(out.end(), part->begin(), part->end());
  }
  return out;
}

bool lies_inside(double value, const Node& interval) {
  const auto bound = [&](std::size_t side, double& out) {
    const int infinite = infinity_sign(interval.children[side]);
    const Value found = evaluate(interval.children[side], {}, Limits{});
    out = infinite != 0 ? infinite * HUGE_VAL : found.number.real();
    return infinite != 0 || found.known();
  };
  double low = 0.0;
  double high = 0.0;
  return bound(0, low) && bound(1, high) && low < value && value < high;
}

/// R \ {1, 2} as three intervals, the points sorted; (0, 3) \ {1} when they lie inside.
std::optional<Intervals> without_points(const Node& n) {
  const auto whole = as_intervals(n.children[0]);
  if (!whole || whole->size() != 1 || n.children[1].kind != Kind::Group) return {};
  const Node& ends = whole->front();
  std::vector<std::pair<double, Node>> points;
  for (const Node& point : n.children[1].children) {
    const Value value = evaluate(point, {}, Limits{});
    if (!value.known()) return {};
    points.emplace_back(value.number.real(), point);
  }
  std::sort(points.begin(), points.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  if (points.empty() || !lies_inside(points.front().first, ends) ||
      !lies_inside(points.back().first, ends))
    return {};
  Intervals out;
  Node low = ends.children[0];
  char open = ends.text[0];
  for (auto& [value, point] : points)
    out.push_back(interval(std::exchange(open, '('), std::exchange(low, point), point, ')'));
  out.push_back(interval('(', low, ends.children[1], ends.text[1]));
  return out;
}

}  // namespace

bool is_set(const Node& n) {
  return n.kind == Kind::List || (n.kind == Kind::Group && n.text == "{}");
}

bool is_tuple(const Node& n) {
  return n.kind == Kind::Group && n.text == "()";
}

bool is_inequality(const Node& n) {
  return n.kind == Kind::Relation && n.text != "=" && n.text != "in";
}

bool is_union(const Node& n) {
  return n.kind == Kind::Call && n.text == "cup";
}

bool contains(const Node& n, Kind kind) {
  return n.kind == kind || std::any_of(n.children.begin(), n.children.end(),
                                       [kind](const Node& c) { return contains(c, kind); });
}

bool is_name(const Node& n) {
  if (n.kind == Kind::Symbol) return n.text != "\\pi" && n.text != "\\infty" && n.text != "i";
  if (n.kind == Kind::Text) return true;
  const bool container = n.kind == Kind::Multiply || n.kind == Kind::Group || n.kind == Kind::List;
  const bool product = n.kind == Kind::Multiply;
  if (is_function_value(n) || is_arithmetic_value(n) || is_length(n)) return true;
  return container && !n.children.empty() &&
         std::all_of(n.children.begin(), n.children.end(), [product](const Node& child) {
           return is_name(child) || (product && is_inverse_function(child));
         });
}

bool is_assignment(const Node& n) {
  return n.kind == Kind::Relation && (n.text == "=" || n.text == "in") &&
         (is_name(n.children[0]) || (n.text == "=" && is_name(n.children[1])));
}

bool states_value(const Node& n) {
  if (n.kind != Kind::Relation || n.text != "=" || is_computed(n.children[1])) return false;
  const Node& right = n.children[1];
  const bool matrix = right.kind == Kind::Group && right.text == "matrix";
  return is_computed(n.children[0]) || (matrix && n.children[0].kind != Kind::Group);
}

const Node& assigned(const Node& n) {
  if (states_value(n)) return n.children[1];
  const bool computation = n.kind == Kind::Relation && n.text == "=" && free_symbols(n).empty() &&
                           !contains(n, Kind::Text);
  if (computation) return n.children[1];  // 10^3 = 1000
  if (!is_assignment(n)) return n;
  return is_name(n.children[0]) ? n.children[1] : n.children[0];
}

const Node& name_of(const Node& assignment) {
  return assignment.children[is_name(assignment.children[0]) ? 0 : 1];
}

int infinity_sign(const Node& n) {
  if (n.kind == Kind::Symbol && n.text == "\\infty") return 1;
  return n.kind == Kind::Negate ? -infinity_sign(n.children[0]) : 0;
}

std::vector<Node> answer_elements(const Node& node) {
  const Node& n = assigned(node);
  const std::vector<Node> children = is_set(n) ? n.children : std::vector<Node>{n};
  std::vector<Node> out;
  for (const Node& child : children) {
    if (contains(child, Kind::PlusMinus)) {
      out.push_back(with_sign(child, true));
      out.push_back(with_sign(child, false));
    } else {
      out.push_back(child);
    }
  }
  return out;
}

std::optional<std::vector<Node>> as_vector(const Node& n) {
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

std::optional<std::vector<Node>> as_rows(const Node& n) {
  if (n.kind != Kind::Group) return {};
  if (n.text == "matrix") return n.children;
  const bool bracketed = n.text == "[]" || n.text == "()";
  const auto is_row = [](const Node& child) {
    return child.kind == Kind::Group && child.text == "[]";
  };
  if (!bracketed || !std::all_of(n.children.begin(), n.children.end(), is_row)) return {};
  return n.children;
}

std::optional<std::vector<Node>> as_intervals(const Node& n) {
  if (n.kind == Kind::Relation && n.text == "in") return as_intervals(n.children[1]);
  if (n.kind == Kind::Symbol && n.text == "\\mathbbR")
    return Intervals{interval('(', infinity(true), infinity(false), ')')};
  if (is_inequality(n)) return from_inequality(n);
  if (n.kind == Kind::List) return from_list(n);
  if (n.kind == Kind::Call && n.text == "setminus") return without_points(n);
  if (is_interval(n)) return Intervals{n};
  if (!is_union(n)) return {};
  auto out = as_intervals(n.children[0]);
  const auto rest = as_intervals(n.children[1]);
  if (!out || !rest) return {};
  out->insert(out->end(), rest->begin(), rest->end());
  return out;
}

Node side_difference(const Node& relation) {
  const bool swap = relation.text[0] == '>';
  Node right = negated(relation.children[swap ? 0 : 1]);
  return Node{Kind::Add, "", {relation.children[swap ? 1 : 0], std::move(right)}};
}

}  // namespace r1::rewards::maths
