// Evaluation of expressions (evaluator.h).
#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/evaluator.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace r1::jinja {
namespace {

Value value_of(Context& context, const ExprPtr& expr, Scope& scope) {
  return expr ? evaluate(context, *expr, scope) : Value();
}

std::vector<Value> values_of(Context& context, const Expr& expr, Scope& scope, std::size_t first) {
  std::vector<Value> values;
  for (std::size_t i = first; i < expr.parts.size(); ++i)
    values.push_back(evaluate(context, *expr.parts[i], scope));
  return values;
}

std::vector<std::pair<std::string, Value>> named_values(Context& context, const Expr& expr,
                                                        Scope& scope) {
  std::vector<std::pair<std::string, Value>> values;
  for (const auto& [name, argument] : expr.named)
    values.emplace_back(name, evaluate(context, *argument, scope));
  return values;
}

Value named(const Expr& expr, const Scope& scope) {
  if (const Value* found = scope.find(expr.name)) return *found;
  if (auto function = find_global(expr.name)) return *function;
  return Undefined{"'" + expr.name + "'"};
}

Value dict(Context& context, const Expr& expr, Scope& scope) {
  std::vector<std::pair<Value, Value>> entries;
  for (std::size_t i = 0; i + 1 < expr.parts.size(); i += 2) {
    Value key = evaluate(context, *expr.parts[i], scope);
    entries.emplace_back(std::move(key), evaluate(context, *expr.parts[i + 1], scope));
  }
  return context.mapping(std::move(entries));
}

Value comparison(Context& context, const Expr& expr, Scope& scope) {
  Value left = evaluate(context, *expr.parts[0], scope);
  for (std::size_t i = 0; i < expr.operators.size(); ++i) {
    Value right = evaluate(context, *expr.parts[i + 1], scope);
    if (!compare(context, expr.operators[i], left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value concatenation(Context& context, const Expr& expr, Scope& scope) {
  std::string out;
  for (const ExprPtr& part : expr.parts) {
    out += to_text(context, evaluate(context, *part, scope));
    context.spend_text(out.size());
  }
  return Value(std::move(out));
}

Value call(Context& context, const Expr& expr, Scope& scope) {
  const Value callee = evaluate(context, *expr.parts[0], scope);
  context.line = expr.line;
  if (!callee.is_function())
    context.fail(callee.is_undefined()
                     ? fmt::format("{} is undefined and cannot be called", callee.undefined().what)
                     : fmt::format("{} cannot be called", callee.type_name()));
  Call made{context, callee.function().name, values_of(context, expr, scope, 1),
            named_values(context, expr, scope)};
  context.line = expr.line;
  context.spend(1);
  return callee.function().call(made);
}

Value unary(Context& context, const Expr& expr, Scope& scope) {
  const Value value = evaluate(context, *expr.parts[0], scope);
  if (expr.name == "-") return negated(context, value);
  return value.is_bool() ? Value(value.integer()) : negated(context, negated(context, value));
}

Value logical(Context& context, const Expr& expr, Scope& scope) {
  Value left = evaluate(context, *expr.parts[0], scope);
  if (is_true(left) == (expr.kind == ExprKind::Or)) return left;
  return evaluate(context, *expr.parts[1], scope);
}

Value sliced(Context& context, const Expr& expr, Scope& scope) {
  const Value value = evaluate(context, *expr.parts[0], scope);
  const Value begin = value_of(context, expr.parts[1], scope);
  const Value end = value_of(context, expr.parts[2], scope);
  return slice(context, value, begin, end, value_of(context, expr.parts[3], scope));
}

}  // namespace

Value evaluate(Context& context, const Expr& expr, Scope& scope) {
  const Level level(context);
  context.spend(1);
  context.line = expr.line;
  const auto part = [&](std::size_t i) { return evaluate(context, *expr.parts[i], scope); };
  switch (expr.kind) {
    case ExprKind::Constant:
      return expr.value;
    case ExprKind::Name:
      return named(expr, scope);
    case ExprKind::List:
      return context.list(values_of(context, expr, scope, 0));
    case ExprKind::Tuple:
      return context.list(values_of(context, expr, scope, 0), SequenceKind::Tuple);
    case ExprKind::Dict:
      return dict(context, expr, scope);
    case ExprKind::Attribute: {
      const Value value = part(0);
      context.line = expr.line;
      return attribute(context, value, expr.name);
    }
    case ExprKind::Item: {
      const Value value = part(0);
      return item(context, value, part(1));
    }
    case ExprKind::Slice:
      return sliced(context, expr, scope);
    case ExprKind::Call:
      return call(context, expr, scope);
    case ExprKind::Filter: {
      auto values = values_of(context, expr, scope, 0);
      auto options = named_values(context, expr, scope);
      context.line = expr.line;
      return apply_filter(context, expr.name, std::move(values), std::move(options));
    }
    case ExprKind::Test: {
      auto values = values_of(context, expr, scope, 0);
      auto options = named_values(context, expr, scope);
      context.line = expr.line;
      return apply_test(context, expr.name, std::move(values), std::move(options));
    }
    case ExprKind::Unary:
      return unary(context, expr, scope);
    case ExprKind::Binary: {
      const Value left = part(0);
      const Value right = part(1);
      context.line = expr.line;
      return binary(context, expr.name, left, right);
    }
    case ExprKind::Compare:
      return comparison(context, expr, scope);
    case ExprKind::And:
    case ExprKind::Or:
      return logical(context, expr, scope);
    case ExprKind::Not:
      return !is_true(part(0));
    case ExprKind::Conditional:
      if (is_true(part(0))) return part(1);
      return expr.parts[2] ? part(2) : Value(Undefined{"an 'if' without 'else'"});
    case ExprKind::Concat:
      return concatenation(context, expr, scope);
  }
  context.fail("unknown expression");
}

}  // namespace r1::jinja
