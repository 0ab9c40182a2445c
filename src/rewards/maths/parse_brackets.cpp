// Brackets, sets, matrices and systems of equations (parser.h).
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "rewards/maths/parser.h"
#include "rewards/maths/shapes.h"

namespace r1::rewards::maths {

Node Parser::bracket(const std::string& open) {
  if (open == "(" || open == "[" || open == "]") return parenthesis(open);
  if (open == "_" || open == "^") return choose_prefix();
  if (open == "{") return closed_by("}", "{}");
  if (open == "|") return enclosed("abs", "|");
  if (open == ".") {  // .\overline{3}
    Node zero = node(Kind::Number, "0");
    if (starts_repetition(zero)) return repeating(zero);
  }
  throw Unreadable{};
}

Node Parser::enclosed(const std::string& function, std::string_view close) {
  Node inside = sum();
  expect(close);
  return node(Kind::Call, function, {std::move(inside)});
}

/// A set, or with one element that element in braces ("{2}" groups).
Node Parser::closed_by(std::string_view close, const std::string& brackets) {
  const bool set = close == "\\}";
  if (set && starts_set_builder()) return set_builder();
  if (accept(close)) {
    if (!set && (accept("_") || accept("^"))) return choose_prefix();  // {}^{10}C_3
    return node(Kind::Group, brackets);
  }
  Node inside = list();
  if (!set && accept("\\choose"))
    inside = node(Kind::Call, "binomial", {std::move(inside), list()});
  if (!set && accept("\\over")) inside = node(Kind::Divide, "", {std::move(inside), list()});
  expect(close);
  if (inside.kind == Kind::List) return node(Kind::Group, brackets, std::move(inside.children));
  return set ? node(Kind::Group, brackets, {std::move(inside)}) : inside;
}

/// {x | x < 2}, {x \in R : x < 2}: from the name up to the bar.
bool Parser::starts_set_builder() const {
  if (peek().kind != TokenKind::Word || peek().text.size() != 1) return false;
  std::size_t bar = 1;
  if (peek(1).text == "\\in" && peek(2).text == "\\mathbb") bar = 6;  // \mathbb { R }
  return peek(bar).text == "|" || peek(bar).text == ":";
}

/// Its condition stands for the set.
Node Parser::set_builder() {
  while (!next_is("|") && !next_is(":")) take();
  take();
  Node condition = list();
  expect("\\}");
  if (!contains(condition, Kind::Relation) && condition.kind != Kind::Group) throw Unreadable{};
  return condition;
}

/// (a, b), [a, b), and as the French write it ]a, b].
Node Parser::parenthesis(const std::string& open) {
  Node inside = list();
  std::string brackets = open == "]" ? "(" : open;
  if (accept(")") || (open != "(" && accept("["))) {
    brackets += ')';
  } else {
    expect("]");
    brackets += ']';
  }
  if (inside.kind == Kind::List && inside.text == ",")
    return node(Kind::Group, brackets, std::move(inside.children));
  if (brackets == "(]" || brackets == "[)") throw Unreadable{};
  return inside;
}

Node Parser::angle_brackets() {
  Node inside = list();
  expect("\\rangle");
  if (inside.kind != Kind::List) return inside;
  return node(Kind::Group, "()", std::move(inside.children));
}

Node Parser::matrix() {
  std::vector<Node> rows;
  std::vector<Node> row;
  for (;;) {
    row.push_back(relation());
    if (accept("&")) continue;
    if (accept("\\\\")) {
      rows.push_back(node(Kind::Group, "row", std::exchange(row, {})));
      if (!next_is("\\end")) continue;
    }
    expect("\\end");
    break;
  }
  if (!row.empty()) rows.push_back(node(Kind::Group, "row", std::move(row)));
  const auto is_equation = [](const Node& line) {
    return line.children.size() == 1 && line.children[0].kind == Kind::Relation;
  };
  if (!std::all_of(rows.begin(), rows.end(), is_equation))
    return node(Kind::Group, "matrix", std::move(rows));
  for (Node& line : rows) line = Node(line.children[0]);  // the lines of a system
  return rows.size() == 1 ? std::move(rows[0]) : node(Kind::List, "and", std::move(rows));
}

/// A system behind a brace that is closed by "\\right." or not at all.
Node Parser::system() {
  expect("\\begin");
  Node lines = matrix();
  accept("\\}");
  return lines;
}

}  // namespace r1::rewards::maths
