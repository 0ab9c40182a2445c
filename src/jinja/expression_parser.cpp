#include "jinja/expression_parser.h"

#include <algorithm>
#include <charconv>

namespace r1::jinja {
namespace {

constexpr int kMaxNesting = 50;  // brackets and signs inside each other
constexpr int kMaxDepth = 150;   // operators on one another's results

int depth_of(const ExprPtr& part) {
  return part ? part->depth : 0;
}

class Nesting {
 public:
  Nesting(int& level, const TokenStream& tokens) : level_(level) {
    if (level >= kMaxNesting) tokens.fail("expressions are nested too deeply");
    ++level_;
  }
  ~Nesting() { --level_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  int& level_;
};

template <class... Part>
std::vector<ExprPtr> parts_of(Part... part) {
  std::vector<ExprPtr> parts;
  (parts.push_back(std::move(part)), ...);
  return parts;
}

}  // namespace

ExprPtr ExpressionParser::make(ExprKind kind, int line, std::vector<ExprPtr> parts,
                               std::string name) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = line;
  expr->name = std::move(name);
  for (const ExprPtr& part : parts) expr->depth = std::max(expr->depth, depth_of(part) + 1);
  if (expr->depth > kMaxDepth) tokens_.fail("an expression is too long");
  expr->parts = std::move(parts);
  return expr;
}

ExprPtr ExpressionParser::constant(Value value, int line) {
  auto expr = std::make_unique<Expr>();
  expr->kind = ExprKind::Constant;
  expr->line = line;
  expr->value = std::move(value);
  return expr;
}

ExprPtr ExpressionParser::expression() {
  const Nesting nesting(nesting_, tokens_);
  const int line = tokens_.current().line;
  ExprPtr value = or_expression();
  while (tokens_.skip_name("if")) {
    ExprPtr condition = or_expression();
    ExprPtr otherwise = tokens_.skip_name("else") ? expression() : nullptr;
    value = make(ExprKind::Conditional, line,
                 parts_of(std::move(condition), std::move(value), std::move(otherwise)));
  }
  return value;
}

bool ExpressionParser::ends_tuple() const {
  return tokens_.is(TokenKind::PrintEnd) || tokens_.is(TokenKind::BlockEnd) ||
         tokens_.is_operator(")") || tokens_.is_name("recursive") || tokens_.is_name("if");
}

ExprPtr ExpressionParser::tuple(bool with_condition) {
  const int line = tokens_.current().line;
  std::vector<ExprPtr> parts;
  bool is_tuple = false;
  while (!ends_tuple()) {
    parts.push_back(with_condition ? expression() : or_expression());
    if (!tokens_.skip_operator(",")) break;
    is_tuple = true;
  }
  if (parts.empty()) tokens_.fail(fmt::format("expected an expression, found {}", tokens_.found()));
  return is_tuple ? make(ExprKind::Tuple, line, std::move(parts)) : std::move(parts.front());
}

ExprPtr ExpressionParser::or_expression() {
  const int line = tokens_.current().line;
  ExprPtr left = and_expression();
  while (tokens_.skip_name("or"))
    left = make(ExprKind::Or, line, parts_of(std::move(left), and_expression()));
  return left;
}

ExprPtr ExpressionParser::and_expression() {
  const int line = tokens_.current().line;
  ExprPtr left = not_expression();
  while (tokens_.skip_name("and"))
    left = make(ExprKind::And, line, parts_of(std::move(left), not_expression()));
  return left;
}

ExprPtr ExpressionParser::not_expression() {
  const Nesting nesting(nesting_, tokens_);
  const int line = tokens_.current().line;
  if (!tokens_.skip_name("not")) return comparison();
  return make(ExprKind::Not, line, parts_of(not_expression()));
}

ExprPtr ExpressionParser::comparison() {
  const int line = tokens_.current().line;
  std::vector<ExprPtr> parts = parts_of(sum());
  std::vector<std::string> operators;
  while (true) {
    std::string found;
    if (tokens_.is_name("in")) {
      found = "in";
    } else if (tokens_.is_name("not") && tokens_.next().kind == TokenKind::Name &&
               tokens_.next().text == "in") {
      found = "not in";
      tokens_.take();
    } else {
      for (const char* sign : {"==", "!=", "<=", ">=", "<", ">"})
        if (tokens_.is_operator(sign)) found = sign;
    }
    if (found.empty()) break;
    tokens_.take();
    operators.push_back(found);
    parts.push_back(sum());
  }
  if (operators.empty()) return std::move(parts.front());
  auto expr = make(ExprKind::Compare, line, std::move(parts));
  expr->operators = std::move(operators);
  return expr;
}

ExprPtr ExpressionParser::sum() {
  const int line = tokens_.current().line;
  ExprPtr left = concatenation();
  while (tokens_.is_operator("+") || tokens_.is_operator("-")) {
    std::string sign = tokens_.take().text;
    left = make(ExprKind::Binary, line, parts_of(std::move(left), concatenation()), sign);
  }
  return left;
}

ExprPtr ExpressionParser::concatenation() {
  const int line = tokens_.current().line;
  std::vector<ExprPtr> parts = parts_of(product());
  while (tokens_.skip_operator("~")) parts.push_back(product());
  return parts.size() == 1 ? std::move(parts.front())
                           : make(ExprKind::Concat, line, std::move(parts));
}

ExprPtr ExpressionParser::product() {
  const int line = tokens_.current().line;
  ExprPtr left = power();
  while (tokens_.is_operator("*") || tokens_.is_operator("/") || tokens_.is_operator("//") ||
         tokens_.is_operator("%")) {
    std::string sign = tokens_.take().text;
    left = make(ExprKind::Binary, line, parts_of(std::move(left), power()), sign);
  }
  return left;
}

ExprPtr ExpressionParser::power() {
  const int line = tokens_.current().line;
  ExprPtr left = unary(true);
  while (tokens_.skip_operator("**"))
    left = make(ExprKind::Binary, line, parts_of(std::move(left), unary(true)), "**");
  return left;
}

ExprPtr ExpressionParser::unary(bool with_filters) {
  const Nesting nesting(nesting_, tokens_);
  const int line = tokens_.current().line;
  ExprPtr value;
  if (tokens_.is_operator("-") || tokens_.is_operator("+")) {
    std::string sign = tokens_.take().text;
    value = make(ExprKind::Unary, line, parts_of(unary(false)), sign);
  } else {
    value = primary();
  }
  value = postfix(std::move(value));
  return with_filters ? filtered(std::move(value)) : std::move(value);
}

ExprPtr ExpressionParser::primary() {
  switch (tokens_.current().kind) {
    case TokenKind::Name:
      return name_or_constant();
    case TokenKind::String:
      return string();
    case TokenKind::Integer:
      return integer();
    case TokenKind::Float: {
      const Token token = tokens_.take();
      double number = 0.0;
      std::from_chars(token.text.data(), token.text.data() + token.text.size(), number);
      return constant(number, token.line);
    }
    default:
      break;
  }
  if (tokens_.is_operator("(")) return parenthesised();
  if (tokens_.is_operator("[")) return list();
  if (tokens_.is_operator("{")) return dict();
  tokens_.fail(fmt::format("expected an expression, found {}", tokens_.found()));
}

ExprPtr ExpressionParser::name_or_constant() {
  const Token token = tokens_.take();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return constant(true, token.line);
  if (name == "false" || name == "False") return constant(false, token.line);
  if (name == "none" || name == "None") return constant(None{}, token.line);
  return make(ExprKind::Name, token.line, {}, name);
}

ExprPtr ExpressionParser::string() {
  const Token token = tokens_.take();
  std::string text = token.text;
  while (tokens_.is(TokenKind::String)) text += tokens_.take().text;
  return constant(Value(std::move(text)), token.line);
}

ExprPtr ExpressionParser::integer() {
  const Token token = tokens_.current();
  std::int64_t number = 0;
  const auto* end = token.text.data() + token.text.size();
  if (const auto read = std::from_chars(token.text.data(), end, number);
      read.ec != std::errc() || read.ptr != end)
    tokens_.fail(fmt::format("the integer {} is out of range", token.text));
  tokens_.take();
  return constant(number, token.line);
}

ExprPtr ExpressionParser::parenthesised() {
  const int line = tokens_.take().line;
  if (tokens_.skip_operator(")")) return make(ExprKind::Tuple, line, {});
  ExprPtr value = tuple(true);
  tokens_.expect_operator(")");
  return value;
}

ExprPtr ExpressionParser::list() {
  const int line = tokens_.take().line;
  std::vector<ExprPtr> parts;
  while (!tokens_.is_operator("]")) {
    if (!parts.empty()) tokens_.expect_operator(",");
    if (tokens_.is_operator("]")) break;
    parts.push_back(expression());
  }
  tokens_.expect_operator("]");
  return make(ExprKind::List, line, std::move(parts));
}

ExprPtr ExpressionParser::dict() {
  const int line = tokens_.take().line;
  std::vector<ExprPtr> parts;
  while (!tokens_.is_operator("}")) {
    if (!parts.empty()) tokens_.expect_operator(",");
    if (tokens_.is_operator("}")) break;
    parts.push_back(expression());
    tokens_.expect_operator(":");
    parts.push_back(expression());
  }
  tokens_.expect_operator("}");
  return make(ExprKind::Dict, line, std::move(parts));
}

ExprPtr ExpressionParser::postfix(ExprPtr operand) {
  while (true) {
    if (tokens_.is_operator(".") || tokens_.is_operator("["))
      operand = subscript(std::move(operand));
    else if (tokens_.is_operator("("))
      operand = call(std::move(operand));
    else
      return operand;
  }
}

ExprPtr ExpressionParser::filtered(ExprPtr operand) {
  while (true) {
    if (tokens_.skip_operator("|"))
      operand = filter(std::move(operand));
    else if (tokens_.skip_name("is"))
      operand = test(std::move(operand));
    else if (tokens_.is_operator("("))
      operand = call(std::move(operand));
    else
      return operand;
  }
}

ExprPtr ExpressionParser::filters(ExprPtr operand, bool begun) {
  if (begun) operand = filter(std::move(operand));
  while (tokens_.skip_operator("|")) operand = filter(std::move(operand));
  return operand;
}

ExprPtr ExpressionParser::filter(ExprPtr operand) {
  const Token name = tokens_.expect(TokenKind::Name, "the name of a filter");
  auto expr = make(ExprKind::Filter, name.line, parts_of(std::move(operand)), name.text);
  if (tokens_.is_operator("(")) arguments(*expr);
  return expr;
}

ExprPtr ExpressionParser::test(ExprPtr operand) {
  const bool negated = tokens_.skip_name("not");
  const Token name = tokens_.expect(TokenKind::Name, "the name of a test");
  auto expr = make(ExprKind::Test, name.line, parts_of(std::move(operand)), name.text);
  auto& parts = expr->parts;
  const TokenKind kind = tokens_.current().kind;
  const bool is_value = kind == TokenKind::Name || kind == TokenKind::String ||
                        kind == TokenKind::Integer || kind == TokenKind::Float ||
                        tokens_.is_operator("[") || tokens_.is_operator("{");
  const bool goes_on = tokens_.is_name("else") || tokens_.is_name("or") || tokens_.is_name("and") ||
                       tokens_.is_name("if") || tokens_.is_name("not") || tokens_.is_name("in");
  if (tokens_.is_operator("(")) {
    arguments(*expr);
  } else if (is_value && !goes_on) {
    if (tokens_.is_name("is")) tokens_.fail("tests cannot be chained with 'is'");
    parts.push_back(postfix(primary()));
  }
  return negated ? make(ExprKind::Not, name.line, parts_of(std::move(expr))) : std::move(expr);
}

ExprPtr ExpressionParser::subscript(ExprPtr operand) {
  const Token opening = tokens_.take();
  if (opening.text == ".") {
    if (tokens_.is(TokenKind::Integer))
      return make(ExprKind::Item, opening.line, parts_of(std::move(operand), integer()));
    const Token name = tokens_.expect(TokenKind::Name, "the name of an attribute");
    return make(ExprKind::Attribute, opening.line, parts_of(std::move(operand)), name.text);
  }
  std::vector<ExprPtr> parts = parts_of(std::move(operand));
  const auto bound = [this]() -> ExprPtr {
    return tokens_.is_operator(":") || tokens_.is_operator("]") ? nullptr : expression();
  };
  parts.push_back(bound());
  const bool is_slice = tokens_.skip_operator(":");
  if (is_slice) {
    parts.push_back(bound());
    parts.push_back(tokens_.skip_operator(":") ? bound() : nullptr);
  } else if (!parts.back()) {
    tokens_.fail("expected an expression, found ']'");
  }
  tokens_.expect_operator("]");
  return make(is_slice ? ExprKind::Slice : ExprKind::Item, opening.line, std::move(parts));
}

ExprPtr ExpressionParser::call(ExprPtr operand) {
  auto expr = make(ExprKind::Call, tokens_.current().line, parts_of(std::move(operand)));
  arguments(*expr);
  return expr;
}

void ExpressionParser::arguments(Expr& into) {
  tokens_.expect_operator("(");
  bool first = true;
  while (!tokens_.is_operator(")")) {
    if (!std::exchange(first, false)) tokens_.expect_operator(",");
    if (tokens_.is_operator(")")) break;
    if (tokens_.is_operator("*") || tokens_.is_operator("**"))
      tokens_.fail("'*' before an argument is not supported");
    const bool is_named = tokens_.is(TokenKind::Name) &&
                          tokens_.next().kind == TokenKind::Operator && tokens_.next().text == "=";
    if (!is_named && !into.named.empty()) tokens_.fail("an unnamed argument follows a named one");
    std::string name = is_named ? tokens_.take().text : "";
    if (is_named) tokens_.take();
    ExprPtr value = expression();
    into.depth = std::max(into.depth, depth_of(value) + 1);
    if (is_named)
      into.named.emplace_back(std::move(name), std::move(value));
    else
      into.parts.push_back(std::move(value));
  }
  tokens_.expect_operator(")");
}

}  // namespace r1::jinja
