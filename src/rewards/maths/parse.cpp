#include "rewards/maths/parse.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "rewards/maths/normalise.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {
namespace {

struct Unreadable {
  bool limit = false;
};

Node make(Kind kind, std::string text, std::vector<Node> children = {}) {
  return Node{kind, std::move(text), std::move(children)};
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, const Limits& limits)
      : tokens_(std::move(tokens)), limits_(limits) {}

  Node run() {
    Node node = list();
    if (peek().kind != TokenKind::End) throw Unreadable{};
    return node;
  }

 private:
  // --- tokens
  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token take() { return tokens_[at_ < tokens_.size() - 1 ? at_++ : at_]; }
  bool next_is(std::string_view text) const {
    return peek().kind != TokenKind::End && peek().kind != TokenKind::Text && peek().text == text;
  }
  bool accept(std::string_view text) {
    if (!next_is(text)) return false;
    take();
    return true;
  }
  void expect(std::string_view text) {
    if (!accept(text)) throw Unreadable{};
  }
  Node count(Node node) {
    if (++nodes_ > limits_.nodes) throw Unreadable{true};
    return node;
  }
  Node node(Kind kind, std::string text, std::vector<Node> children = {}) {
    return count(make(kind, std::move(text), std::move(children)));
  }
  struct Depth {
    explicit Depth(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > parser_.limits_.nesting) {
        --parser_.depth_;
        throw Unreadable{true};
      }
    }
    ~Depth() { --parser_.depth_; }
    Parser& parser_;
  };

  // --- lists and relations
  bool accept_separator() {
    const Token& token = peek();
    const bool word = (token.kind == TokenKind::Word || token.kind == TokenKind::Text) &&
                      (token.text == "and" || token.text == "or");
    if (!word && !next_is(",") && !next_is(";") && !next_is("\\lor") && !next_is("\\land"))
      return false;
    take();
    accept_separator();  // ", and"
    return true;
  }

  Node list() {
    const Depth depth(*this);
    std::vector<Node> elements{relation()};
    while (accept_separator()) elements.push_back(relation());
    return elements.size() == 1 ? std::move(elements[0])
                                : node(Kind::List, "", std::move(elements));
  }

  std::string accept_relation() {
    static constexpr std::array<std::array<std::string_view, 2>, 10> kSigns{{{"=", "="},
                                                                             {"<", "<"},
                                                                             {">", ">"},
                                                                             {"<=", "<="},
                                                                             {">=", ">="},
                                                                             {"\\le", "<="},
                                                                             {"\\ge", ">="},
                                                                             {"\\ne", "!="},
                                                                             {"!=", "!="},
                                                                             {"\\in", "in"}}};
    for (const auto& sign : kSigns)
      if (accept(sign[0])) return std::string(sign[1]);
    return {};
  }

  /// a, a = b, a = b = c (the last counts), a < b < c (an interval). In "exact \approx decimal" the
  /// exact side counts, in "x \approx 1" the number.
  Node relation() {
    Node left = ratio();
    if (accept("\\approx")) {
      Node right = ratio();
      return left.kind == Kind::Symbol ? right : left;
    }
    std::string sign = accept_relation();
    if (sign.empty()) return left;
    Node right = ratio();
    std::string next = accept_relation();
    while (sign == "=" && next == "=") {
      right = ratio();
      next = accept_relation();
    }
    if (next.empty()) {
      if (accept("\\approx")) ratio();
      return node(Kind::Relation, sign, {std::move(left), std::move(right)});
    }
    Node last = ratio();
    return interval(std::move(left), sign, next, std::move(last));
  }

  Node interval(Node low, const std::string& first, const std::string& second, Node high) {
    const bool up = first[0] == '<' && second[0] == '<';
    const bool down = first[0] == '>' && second[0] == '>';
    if (!up && !down) throw Unreadable{};
    std::string brackets{first.size() == 2 ? '[' : '(', second.size() == 2 ? ']' : ')'};
    if (down) {
      std::swap(low, high);
      brackets = {second.size() == 2 ? '[' : '(', first.size() == 2 ? ']' : ')'};
    }
    return node(Kind::Group, brackets, {std::move(low), std::move(high)});
  }

  Node ratio() {
    std::vector<Node> parts{sum()};
    while (accept(":")) parts.push_back(sum());
    skip_unit();
    return parts.size() == 1 ? std::move(parts[0]) : node(Kind::Group, ":", std::move(parts));
  }

  /// Words behind a value: "10 cm^2", "5 square units", "28 percent".
  void skip_unit() {
    const auto word = [&](const Token& t) {
      return (t.kind == TokenKind::Word || t.kind == TokenKind::Text) && t.text != "and" &&
             t.text != "or";
    };
    while (word(peek()) || (next_is("/") && word(peek(1)))) {
      take();
      if (accept("^")) {
        accept("{");
        if (peek().kind == TokenKind::Number || next_is("\\circ")) take();
        accept("}");
      }
    }
  }

  // --- arithmetic
  Node sum() {
    std::vector<Node> terms{term()};
    for (;;) {
      if (accept("+")) {
        terms.push_back(term());
      } else if (accept("-")) {
        terms.push_back(node(Kind::Negate, "", {term()}));
      } else if (accept("\\pm") || accept("\\mp")) {
        terms.push_back(node(Kind::PlusMinus, "", {term()}));
      } else if (accept("\\cup")) {
        Node left = terms.size() == 1 ? std::move(terms[0]) : node(Kind::Add, "", std::move(terms));
        return node(Kind::Call, "cup", {std::move(left), sum()});
      } else {
        break;
      }
    }
    return terms.size() == 1 ? std::move(terms[0]) : node(Kind::Add, "", std::move(terms));
  }

  Node term() {
    const Depth depth(*this);
    if (accept("-")) return node(Kind::Negate, "", {term()});
    if (accept("+")) return term();
    if (accept("\\pm") || accept("\\mp")) return node(Kind::PlusMinus, "", {term()});
    Node left = power();
    for (;;) {
      if (accept("*")) {
        left = node(Kind::Multiply, "", {std::move(left), signed_power()});
      } else if (next_is("/") && peek(1).kind != TokenKind::Word) {
        take();
        left = node(Kind::Divide, "", {std::move(left), signed_power()});
      } else if (starts_factor(left)) {
        left = implicit_product(std::move(left));
      } else {
        return left;
      }
    }
  }

  Node signed_power() {
    const Depth depth(*this);
    if (accept("-")) return node(Kind::Negate, "", {signed_power()});
    return power();
  }

  /// Whether the next token goes on a product without a sign: 2x, 3(…), 2\pi, 1 1/2.
  bool starts_factor(const Node& left) const {
    const Token& t = peek();
    if (t.kind == TokenKind::Number)
      return left.kind == Kind::Power || left.kind == Kind::Symbol || is_mixed(left) ||
             (left.kind == Kind::Multiply && left.children.back().kind == Kind::Power);
    if (t.kind == TokenKind::Word) return is_symbol_word(t.text) && !is_unit(t, left);
    if (t.kind == TokenKind::Command) {
      static const std::unordered_set<std::string> starts{"\\frac", "\\sqrt",  "\\usqrt",
                                                          "\\pi",   "\\binom", "\\infty"};
      return starts.count(t.text) > 0 || is_greek(t.text) ||
             function_names().count(t.text.substr(1)) > 0;
    }
    return t.kind == TokenKind::Sign && (t.text == "(" || t.text == "{");
  }

  bool is_mixed(const Node& left) const {
    return is_integer_literal(left) && peek().space_before && peek(1).text == "/" &&
           peek(2).kind == TokenKind::Number;
  }

  Node implicit_product(Node left) {
    if (peek().kind == TokenKind::Number && is_mixed(left)) {
      Node above = power();
      take();
      Node fraction = node(Kind::Divide, "", {std::move(above), power()});
      return node(Kind::Add, "", {std::move(left), std::move(fraction)});
    }
    const bool latex_fraction = next_is("\\frac");
    Node right = power();
    const Kind kind = latex_fraction && is_integer_literal(left) && is_integer_fraction(right)
                          ? Kind::Add
                          : Kind::Multiply;
    return node(kind, "", {std::move(left), std::move(right)});
  }

  Node power() {
    const Depth depth(*this);
    Node base = postfix(primary());
    if (!accept("^")) return base;
    if (accept("\\circ")) return base;
    Node exponent = exponent_of();
    if (exponent.kind == Kind::Symbol && exponent.text == "\\circ") return base;
    return postfix(node(Kind::Power, "", {std::move(base), std::move(exponent)}));
  }

  Node exponent_of() {
    if (accept("-")) return node(Kind::Negate, "", {exponent_of()});
    return next_is("\\frac") ? primary() : power();
  }

  Node postfix(Node value) {
    for (;;) {
      if (accept("!")) {
        value = node(Kind::Call, "factorial", {std::move(value)});
      } else if (accept("%")) {
        value = node(Kind::Percent, "", {std::move(value)});
      } else if (accept("\\circ")) {
      } else if (next_is("_") && value.kind == Kind::Number) {
        take();
        value = node(Kind::Call, "base", {std::move(value), argument(true)});
      } else if (is_percent_word()) {
        take();
        value = node(Kind::Percent, "", {std::move(value)});
      } else {
        return value;
      }
    }
  }

  bool is_percent_word() const {
    const Token& t = peek();
    return (t.kind == TokenKind::Word || t.kind == TokenKind::Text) &&
           (t.text == "percent" || t.text == "pct" || t.text == "percentage");
  }

  // --- leaves
  Node primary() {
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

  Node number(const std::string& digits) {
    if (digits.size() > limits_.digits) throw Unreadable{true};
    return node(Kind::Number, digits);
  }

  Node text(const std::string& content) {
    if (content.size() == 1 || (content.size() == 3 && content[0] == '(' && content[2] == ')'))
      return node(Kind::Symbol, content.size() == 1 ? content : content.substr(1, 1));
    return node(Kind::Text, content);
  }

  /// "10 cm": a known short unit behind a number.
  bool is_unit(const Token& token, const Node& left) const {
    return token.text == "or" || (left.kind == Kind::Number && token.space_before &&
                                  (is_short_unit(token.text) ||
                                   (token.text.size() == 1 && peek(1).kind == TokenKind::End &&
                                    std::string("mgLls").find(token.text) != std::string::npos)));
  }

  Node word(const std::string& w) {
    if (w == "sqrt") return node(Kind::Call, "sqrt", {argument(false)});
    if (w == "pi") return node(Kind::Symbol, "\\pi");
    if (function_names().count(w) > 0) return call(w);
    if (!is_symbol_word(w)) return node(Kind::Text, w);
    std::string name = w;
    if (w.size() == 2 && std::islower(static_cast<unsigned char>(w[0])) != 0) {  // xy = x times y
      Node first = node(Kind::Symbol, w.substr(0, 1));
      return node(Kind::Multiply, "", {std::move(first), subscript(w.substr(1))});
    }
    return subscript(name);
  }

  Node subscript(std::string name) {
    if (!accept("_")) return node(Kind::Symbol, std::move(name));
    name += '_';
    if (!accept("{")) return node(Kind::Symbol, name + take().text);
    while (!next_is("}") && peek().kind != TokenKind::End) name += take().text;
    expect("}");
    return node(Kind::Symbol, std::move(name));
  }

  Node command(const std::string& name) {
    if (name == "\\frac") {
      Node above = argument(true);
      return node(Kind::Divide, "", {std::move(above), argument(true)});
    }
    if (name == "\\binom") {
      Node above = argument(true);
      return node(Kind::Call, "binomial", {std::move(above), argument(true)});
    }
    if (name == "\\sqrt") return root();
    if (name == "\\usqrt") return node(Kind::Call, "sqrt", {argument(false)});
    if (name == "\\{") return closed_by("\\}", "{}");
    if (name == "\\begin") return matrix();
    if (name == "\\lfloor") return enclosed("floor", "\\rfloor");
    if (name == "\\lceil") return enclosed("ceil", "\\rceil");
    if (function_names().count(name.substr(1)) > 0) return call(name.substr(1));
    static const std::unordered_set<std::string> symbols{"\\pi",   "\\infty",  "\\emptyset",
                                                         "\\circ", "\\mathbb", "\\dots"};
    if (name == "\\mathbb") return node(Kind::Symbol, "\\mathbb" + argument(true).text);
    if (symbols.count(name) == 0 && !is_greek(name)) throw Unreadable{};
    return is_greek(name) ? subscript(name) : node(Kind::Symbol, name);
  }

  Node root() {
    if (!accept("[")) return node(Kind::Call, "sqrt", {argument(true)});
    Node degree = sum();
    expect("]");
    Node inside = argument(true);
    Node inverse = node(Kind::Divide, "", {node(Kind::Number, "1"), std::move(degree)});
    return node(Kind::Power, "", {std::move(inside), std::move(inverse)});
  }

  /// The argument of a macro: {…}, or as TeX reads it one digit (`one_digit`) or one token.
  Node argument(bool one_digit) {
    if (accept("{")) {
      Node inside = list();
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

  Node call(const std::string& name) {
    std::string function = name;
    Node exponent;
    const bool raised = accept("^");
    if (raised) exponent = exponent_of();
    if (name == "log" && accept("_")) {
      Node base = argument(true);
      Node value = call_argument();
      return node(Kind::Call, "log_base", {std::move(base), std::move(value)});
    }
    Node value = node(Kind::Call, function, {call_argument()});
    return raised ? node(Kind::Power, "", {std::move(value), std::move(exponent)}) : value;
  }

  /// (…) or {…} alone, else the factors up to the next sign or function: sin 2x, sin b cos a.
  Node call_argument() {
    if (next_is("(") || next_is("{")) return primary();
    Node value = power();
    while (starts_factor(value) && !starts_function()) value = implicit_product(std::move(value));
    return value;
  }

  bool starts_function() const {
    const std::string& name = peek().text;
    return function_names().count(name) > 0 ||
           (name.size() > 1 && function_names().count(name.substr(1)) > 0);
  }

  // --- brackets
  Node bracket(const std::string& open) {
    if (open == "(" || open == "[") return parenthesis(open);
    if (open == "{") return closed_by("}", "{}");
    if (open == "|") return enclosed("abs", "|");
    throw Unreadable{};
  }

  Node enclosed(const std::string& function, std::string_view close) {
    Node inside = sum();
    expect(close);
    return node(Kind::Call, function, {std::move(inside)});
  }

  /// A set, or with one element that element in braces ("{2}" groups).
  Node closed_by(std::string_view close, const std::string& brackets) {
    const bool set = close == "\\}";
    if (accept(close)) return node(Kind::Group, brackets);
    Node inside = list();
    expect(close);
    if (inside.kind == Kind::List) return node(Kind::Group, brackets, std::move(inside.children));
    return set ? node(Kind::Group, brackets, {std::move(inside)}) : inside;
  }

  Node parenthesis(const std::string& open) {
    Node inside = list();
    std::string brackets = open;
    if (accept(")")) {
      brackets += ')';
    } else {
      expect("]");
      brackets += ']';
    }
    if (inside.kind == Kind::List) return node(Kind::Group, brackets, std::move(inside.children));
    return inside;
  }

  Node matrix() {
    std::vector<Node> rows;
    std::vector<Node> row;
    for (;;) {
      row.push_back(sum());
      if (accept("&")) continue;
      if (accept("\\\\")) {
        rows.push_back(node(Kind::Group, "row", std::exchange(row, {})));
        if (!next_is("\\end")) continue;
      }
      expect("\\end");
      break;
    }
    if (!row.empty()) rows.push_back(node(Kind::Group, "row", std::move(row)));
    return node(Kind::Group, "matrix", std::move(rows));
  }

  std::vector<Token> tokens_;
  Limits limits_;
  std::size_t at_ = 0;
  int nodes_ = 0;
  int depth_ = 0;
};

}  // namespace

ParseResult parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.text_bytes) return {{}, true};
  try {
    return {Parser(tokenise(normalise(text)), limits).run(), false};
  } catch (const Unreadable& reason) {
    return {{}, reason.limit};
  }
}

}  // namespace r1::rewards::maths
