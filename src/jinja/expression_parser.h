#pragma once
// Parses expressions of a template.
#include <string>
#include <utility>
#include <vector>

#include "jinja/syntax.h"
#include "jinja/token_stream.h"

namespace r1::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExprPtr expression();
  /// Parses an expression or, with commas, a tuple. `with_condition` = false: a following "if" is
  /// not part of the expression.
  ExprPtr tuple(bool with_condition);
  /// Parses "| name(...) | ..." after `operand`. `begun`: the first filter comes without "|".
  ExprPtr filters(ExprPtr operand, bool begun);

 private:
  ExprPtr make(ExprKind kind, int line, std::vector<ExprPtr> parts, std::string name = "");
  ExprPtr constant(Value value, int line);
  ExprPtr or_expression();
  ExprPtr and_expression();
  ExprPtr not_expression();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concatenation();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filters);
  ExprPtr primary();
  ExprPtr name_or_constant();
  ExprPtr string();
  ExprPtr integer();
  ExprPtr parenthesised();
  ExprPtr list();
  ExprPtr dict();
  ExprPtr postfix(ExprPtr operand);
  ExprPtr filtered(ExprPtr operand);
  ExprPtr filter(ExprPtr operand);
  ExprPtr test(ExprPtr operand);
  ExprPtr subscript(ExprPtr operand);
  ExprPtr call(ExprPtr operand);
  bool ends_tuple() const;
  /// Parses "( ... )" to the arguments of an expression.
  void arguments(Expr& into);

  TokenStream& tokens_;
  int nesting_ = 0;
};

}  // namespace r1::jinja
