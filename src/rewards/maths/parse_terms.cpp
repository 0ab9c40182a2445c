// Sums, products, powers and postfix operators (parser.h).
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "rewards/maths/number_words.h"
#include "rewards/maths/parser.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {

Node Parser::sum() {
  std::vector<Node> terms{term()};
  const auto joined = [&] {
    return terms.size() == 1 ? std::move(terms[0]) : node(Kind::Add, "", std::move(terms));
  };
  for (;;) {
    if (accept("+")) {
      terms.push_back(term());
    } else if (accept("-")) {
      terms.push_back(node(Kind::Negate, "", {term()}));
    } else if (accept("\\pm")) {
      terms.push_back(node(Kind::PlusMinus, "", {term()}));
    } else if (accept("\\mp")) {
      Node minus = node(Kind::Negate, "", {term()});
      terms.push_back(node(Kind::PlusMinus, "", {std::move(minus)}));
    } else if (accept("\\cup")) {
      const Depth depth(*this);
      Node left = joined();
      return node(Kind::Call, "cup", {std::move(left), sum()});
    } else if (accept("\\setminus")) {
      Node left = joined();
      return node(Kind::Call, "setminus", {std::move(left), term()});
    } else {
      return joined();
    }
  }
}

Node Parser::signed_term() {
  const Depth depth(*this);
  if (accept("-")) return node(Kind::Negate, "", {term()});
  if (accept("+")) return term();
  if (accept("\\pm")) return node(Kind::PlusMinus, "", {term()});
  if (accept("\\mp")) return node(Kind::PlusMinus, "", {node(Kind::Negate, "", {term()})});
  throw Unreadable{};
}

Node Parser::term() {
  if (next_is("-") || next_is("+") || next_is("\\pm") || next_is("\\mp")) return signed_term();
  Node left = power();
  for (;;) {
    const bool unit_below = peek(1).kind == TokenKind::Word &&
                            (!is_symbol_word(peek(1).text) || is_short_unit(peek(1).text));
    if (accept("*") || is_times_word()) {
      if (is_times_word()) take();
      left = node(Kind::Multiply, "", {std::move(left), signed_power()});
    } else if (next_is("/") && !unit_below && peek(1).kind != TokenKind::Text) {
      take();
      left = node(Kind::Divide, "", {std::move(left), signed_power()});
    } else if (starts_factor(left)) {
      left = implicit_product(std::move(left));
    } else {
      return left;
    }
  }
}

Node Parser::signed_power() {
  if (!accept("-")) return power();
  const Depth depth(*this);
  return node(Kind::Negate, "", {signed_power()});
}

/// "6.02 x 10^23".
bool Parser::is_times_word() const {
  return at_ > 0 && tokens_[at_ - 1].kind == TokenKind::Number && next_is("x") &&
         peek(1).kind == TokenKind::Number && peek(1).text == "10" && peek(2).text == "^";
}

/// Whether the next token goes on a product without a sign: 2x, 3(…), 2\pi, 1 1/2.
bool Parser::starts_factor(const Node& left) const {
  const Token& t = peek();
  if (starts_unit(left)) return false;
  if (t.kind == TokenKind::Number)
    return left.kind == Kind::Power || left.kind == Kind::Symbol || is_mixed(left) ||
           (left.kind == Kind::Call && left.text == "factorial") ||
           (left.kind == Kind::Multiply && left.children.back().kind == Kind::Power);
  if (t.kind == TokenKind::Word) return is_symbol_word(t.text);
  if (t.kind == TokenKind::Command) {
    static const std::unordered_set<std::string> starts{
        "\\frac", "\\sqrt", "\\usqrt",  "\\pi",    "\\binom", "\\infty",
        "\\{",    "\\sum",  "\\lfloor", "\\lceil", "\\ucbrt", "\\mathbb"};
    return starts.count(t.text) > 0 || is_greek(t.text) ||
           function_names().count(t.text.substr(1)) > 0;
  }
  return t.kind == TokenKind::Sign && (t.text == "(" || t.text == "{");
}

bool Parser::is_mixed(const Node& left) const {
  return is_integer_literal(left) && peek().space_before && peek(1).text == "/" &&
         peek(2).kind == TokenKind::Number;
}

Node Parser::implicit_product(Node left) {
  if (peek().kind == TokenKind::Number && is_mixed(left)) {
    Node above = power();
    take();
    Node below = power();
    const bool percent = below.kind == Kind::Percent;  // 33 1/3 %
    if (percent) below = Node(below.children[0]);
    Node fraction = node(Kind::Divide, "", {std::move(above), std::move(below)});
    Node sum = node(Kind::Add, "", {std::move(left), std::move(fraction)});
    return percent ? node(Kind::Percent, "", {std::move(sum)}) : std::move(sum);
  }
  const bool latex_fraction = next_is("\\frac");
  Node right = power();
  const bool percent = latex_fraction && right.kind == Kind::Percent;  // 33\frac13\%
  const Node& fraction = percent ? right.children[0] : right;
  const bool mixed = latex_fraction && is_integer_literal(left) && is_integer_fraction(fraction);
  if (mixed && percent) {
    Node sum = node(Kind::Add, "", {std::move(left), std::move(right.children[0])});
    return node(Kind::Percent, "", {std::move(sum)});
  }
  return node(mixed ? Kind::Add : Kind::Multiply, "", {std::move(left), std::move(right)});
}

Node Parser::power() {
  Node base = postfix(primary());
  if (!accept("^")) return base;
  if (next_is("\\prime") || next_is("'")) throw Unreadable{};
  Node raised = exponent();
  const bool degrees = raised.kind == Kind::Symbol && raised.text == "\\circ";
  if (!degrees) return postfix(node(Kind::Power, "", {std::move(base), std::move(raised)}));
  return node(Kind::Call, "degree", {std::move(base)});
}

Node Parser::exponent() {
  const Depth depth(*this);
  if (accept("-")) return node(Kind::Negate, "", {exponent()});
  if (accept("+")) return exponent();
  if (accept("\\circ")) return node(Kind::Symbol, "\\circ");
  return next_is("\\frac") ? primary() : power();
}

Node Parser::postfix(Node value) {
  for (;;) {
    if (next_is("!")) {
      value = factorial(std::move(value));
    } else if (accept("%") || is_percent_word()) {
      if (is_percent_word()) take();
      value = node(Kind::Percent, "", {std::move(value)});
    } else if (accept("\\circ") || is_degree_word()) {
      if (is_degree_word()) take();
      value = node(Kind::Call, "degree", {std::move(value)});
    } else if (next_is("_") && value.kind == Kind::Number) {
      take();
      Node base = argument(true);
      if (base.kind == Kind::Text) base = node(Kind::Number, number_in_words(base.text));
      if (base.kind == Kind::Number && base.text.empty()) throw Unreadable{};
      value = node(Kind::Call, "base", {std::move(value), std::move(base)});
    } else if (starts_short_choose(value)) {
      take();
      value = node(Kind::Call, "binomial", {std::move(value), number(take().text)});
    } else if (value.kind == Kind::Number && accept_base_word()) {
      const bool bracket = tokens_[at_ - 2].text == "(";
      Node base = number(take().text);
      if (bracket) expect(")");
      value = node(Kind::Call, "base", {std::move(value), std::move(base)});
    } else if (value.kind == Kind::Number && is_word() && !scale_of(peek().text).empty()) {
      const std::string scale = scale_of(take().text);
      value = node(Kind::Multiply, "", {std::move(value), node(Kind::Number, scale)});
    } else if (starts_repetition(value)) {
      value = repeating(value);
    } else {
      return value;
    }
  }
}

/// "10C3".
bool Parser::starts_short_choose(const Node& above) const {
  return is_integer_literal(above) && next_is("C") && !peek().space_before &&
         peek(1).kind == TokenKind::Number && !peek(1).space_before;
}

/// "1011 base 2", "1011 (base 2)": up to the number.
bool Parser::accept_base_word() {
  const std::size_t word = next_is("(") ? 1 : 0;
  if (!is_word(word) || peek(word).text != "base" || peek(word + 1).kind != TokenKind::Number)
    return false;
  at_ += word + 1;
  return true;
}

/// n! and n!!; more of them mean nothing that anyone agrees on.
Node Parser::factorial(Node value) {
  int marks = 0;
  while (accept("!")) ++marks;
  if (marks > 2) throw Unreadable{};
  return node(Kind::Call, marks == 1 ? "factorial" : "double_factorial", {std::move(value)});
}

bool Parser::is_percent_word() const {
  const std::string& text = peek().text;
  return is_word() && (text == "percent" || text == "pct" || text == "percentage");
}

bool Parser::is_degree_word() const {
  const std::string& text = peek().text;
  return is_word() && (text == "degrees" || text == "degree" || text == "deg");
}

}  // namespace r1::rewards::maths
