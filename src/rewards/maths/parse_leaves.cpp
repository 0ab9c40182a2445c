// Numbers, names and functions (parser.h).
#include <algorithm>
#include <cctype>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "rewards/maths/parser.h"
#include "rewards/maths/shapes.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {
namespace {

/// 90° under a trigonometric function in radians.
void degrees_to_radians(Node& node) {
  for (Node& child : node.children) degrees_to_radians(child);
  if (node.kind != Kind::Call || node.text != "degree") return;
  Node half_turn{Kind::Divide, "", {{Kind::Symbol, "\\pi", {}}, {Kind::Number, "180", {}}}};
  node = Node{Kind::Multiply, "", {std::move(node.children[0]), std::move(half_turn)}};
}

bool is_trigonometric(const std::string& name) {
  return name == "sin" || name == "cos" || name == "tan" || name == "cot" || name == "sec" ||
         name == "csc";
}

bool all_digits(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
}

/// "A3F".
bool is_digits_of_base(const std::string& text) {
  return text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
}

}  // namespace

Node Parser::primary() {
  const Depth depth(*this);
  const Token token = take();
  switch (token.kind) {
    case TokenKind::Number:
      return number(token.text);
    case TokenKind::Word:
      return word(token.text);
    case TokenKind::Text:
      return text(token.text);
    case TokenKind::Command:
      return command(token.text);
    case TokenKind::Sign:
      return bracket(token.text);
    case TokenKind::End:
      break;
  }
  throw Unreadable{};
}

/// "12", "1.5", or with an exponent "1.5e3".
Node Parser::number(const std::string& digits) {
  if (digits.size() > limits_.digits) throw Unreadable{true};
  const std::size_t mark = digits.find('e');
  if (mark == std::string::npos) return node(Kind::Number, digits);
  const bool negative = digits[mark + 1] == '-';
  const bool sign = negative || digits[mark + 1] == '+';
  Node raised = node(Kind::Number, digits.substr(mark + (sign ? 2 : 1)));
  if (negative) raised = node(Kind::Negate, "", {std::move(raised)});
  Node scale = node(Kind::Power, "", {node(Kind::Number, "10"), std::move(raised)});
  Node mantissa = node(Kind::Number, digits.substr(0, mark));
  return node(Kind::Multiply, "", {std::move(mantissa), std::move(scale)});
}

Node Parser::text(const std::string& content) {
  if (all_digits(content)) return number(content);
  if (content.size() > 1 && is_digits_of_base(content) && accept("_"))
    return node(Kind::Call, "base", {node(Kind::Text, content), argument(true)});
  if (content.size() == 1) return symbol(content);
  if (content.size() == 3 && content[0] == '(' && content[2] == ')')
    return node(Kind::Symbol, content.substr(1, 1));
  return node(Kind::Text, content);
}

Node Parser::word(const std::string& w) {
  if (w == "sqrt") return node(Kind::Call, "sqrt", {operand()});
  if (w == "pi") return node(Kind::Symbol, "\\pi");
  if (w == "inf" || w == "infinity") return node(Kind::Symbol, "\\infty");
  if (function_names().count(w) > 0) return call(w);
  const bool article = is_article(w) && is_word() && peek().text.size() > 2;  // "an ellipse"
  if (article || !is_symbol_word(w)) return node(Kind::Text, with_hyphen(w));
  if (w == "C" && starts_choose()) return symbol(w);
  std::string name = w;
  if (w.size() == 2 && std::islower(static_cast<unsigned char>(w[0])) != 0) {  // xy = x times y
    tokens_[--at_].text = w.substr(1);
    tokens_[at_].space_before = false;
    return node(Kind::Symbol, w.substr(0, 1));
  }
  return subscript(name);
}

/// A name, or C(10, 3).
Node Parser::symbol(const std::string& name) {
  if (name != "C" || !starts_choose()) return node(Kind::Symbol, name);
  expect("(");
  Node above = number(take().text);
  expect(",");
  Node below = number(take().text);
  expect(")");
  return node(Kind::Call, "binomial", {std::move(above), std::move(below)});
}

/// Whether two whole numbers in brackets follow, of which the first is not the smaller: else a C
/// before them is the name of a point.
bool Parser::starts_choose() const {
  const std::string &above = peek(1).text, &below = peek(3).text;
  return next_is("(") && all_digits(above) && peek(2).text == "," && all_digits(below) &&
         peek(4).text == ")" &&
         (above.size() > below.size() || (above.size() == below.size() && above >= below));
}

/// _{10}C_3 and ^{10}C_3, behind the first mark.
Node Parser::choose_prefix() {
  Node above = argument(true);
  if (!is_word() || take().text != "C") throw Unreadable{};
  expect("_");
  return node(Kind::Call, "binomial", {std::move(above), argument(true)});
}

Node Parser::subscript(std::string name) {
  if (!accept("_")) return node(Kind::Symbol, std::move(name));
  name += '_';
  if (!accept("{")) return node(Kind::Symbol, name + take().text);
  while (!next_is("}") && peek().kind != TokenKind::End) name += take().text;
  expect("}");
  return node(Kind::Symbol, std::move(name));
}

Node Parser::command(const std::string& name) {
  if (name == "\\frac") {
    Node above = argument(true);
    return node(Kind::Divide, "", {std::move(above), argument(true)});
  }
  if (name == "\\binom") {
    Node above = argument(true);
    return node(Kind::Call, "binomial", {std::move(above), argument(true)});
  }
  if (name == "\\sqrt") return root();
  if (name == "\\usqrt") return node(Kind::Call, "sqrt", {operand()});
  if (name == "\\ucbrt") {
    Node third = node(Kind::Divide, "", {node(Kind::Number, "1"), node(Kind::Number, "3")});
    return node(Kind::Power, "", {operand(), std::move(third)});
  }
  if (name == "\\{") return next_is("\\begin") ? system() : closed_by("\\}", "{}");
  if (name == "\\langle") return angle_brackets();
  if (name == "\\begin") return matrix();
  if (name == "\\lfloor") return enclosed("floor", "\\rfloor");
  if (name == "\\lceil") return enclosed("ceil", "\\rceil");
  if (name == "\\sum" || name == "\\prod" || name == "\\int" || name == "\\lim")
    return opaque(name);
  if (name == "\\mathbb") return node(Kind::Symbol, "\\mathbb" + argument(true).text);
  if (function_names().count(name.substr(1)) > 0) return call(name.substr(1));
  static const std::unordered_set<std::string> symbols{"\\pi", "\\infty", "\\emptyset", "\\circ",
                                                       "\\dots"};
  if (symbols.count(name) == 0 && !is_greek(name)) throw Unreadable{};
  return is_greek(name) ? subscript(name) : node(Kind::Symbol, name);
}

Node Parser::root() {
  if (!accept("[")) return node(Kind::Call, "sqrt", {argument(true)});
  Node degree = sum();
  expect("]");
  Node inside = argument(true);
  Node inverse = node(Kind::Divide, "", {node(Kind::Number, "1"), std::move(degree)});
  return node(Kind::Power, "", {std::move(inside), std::move(inverse)});
}

/// The argument of a macro: {…}, or as TeX reads it one digit (`one_digit`) or one token.
Node Parser::argument(bool one_digit) {
  const Depth depth(*this);
  if (accept("{")) {
    Node inside = list();
    if (accept("\\choose")) inside = node(Kind::Call, "binomial", {std::move(inside), list()});
    if (accept("\\over")) inside = node(Kind::Divide, "", {std::move(inside), list()});
    expect("}");
    return inside;
  }
  if (one_digit && peek().kind == TokenKind::Number && peek().text.size() > 1) {
    Token& token = tokens_[at_];
    const std::string digit = token.text.substr(0, 1);
    token.text.erase(0, 1);
    return number(digit);
  }
  return primary();
}

/// What a root sign without braces covers: (…), or one number or name.
Node Parser::operand() {
  return argument(false);
}

Node Parser::call(const std::string& name) {
  Node raised;
  const bool power = accept("^");
  if (power) raised = exponent();
  if (name == "lg" || (name == "log" && accept("_"))) {
    Node base = name == "lg" ? node(Kind::Number, "10") : argument(true);
    Node value = call_argument();
    return node(Kind::Call, "log_base", {std::move(base), std::move(value)});
  }
  const bool inverse = power && is_trigonometric(name) && raised.kind == Kind::Negate &&
                       raised.children[0].text == "1";
  Node argument = call_argument();
  if (is_trigonometric(name)) degrees_to_radians(argument);
  Node value = node(Kind::Call, inverse ? "arc" + name : name, {std::move(argument)});
  return power && !inverse ? node(Kind::Power, "", {std::move(value), std::move(raised)}) : value;
}

/// (…) or {…} alone, else the factors up to the next sign or function: sin 2x, sin b cos a.
Node Parser::call_argument() {
  const Depth depth(*this);
  if (next_is("(") || next_is("{")) return postfix(primary());
  if (accept("-")) return node(Kind::Negate, "", {call_argument()});
  Node value = power();
  while (starts_factor(value) && !starts_function()) value = implicit_product(std::move(value));
  return value;
}

bool Parser::starts_function() const {
  const std::string& name = peek().text;
  return function_names().count(name) > 0 ||
         (name.size() > 1 && function_names().count(name.substr(1)) > 0);
}

/// A sum over an index and its kin: bounds and body are kept, not computed.
Node Parser::opaque(const std::string& name) {
  std::vector<Node> parts;
  for (const std::string_view bound : {"_", "^"}) {
    if (!accept(bound)) continue;
    const bool braced = accept("{");
    parts.push_back(braced ? relation() : primary());
    if (braced) expect("}");
  }
  parts.push_back(term());
  return node(Kind::Call, name, std::move(parts));
}

}  // namespace r1::rewards::maths
