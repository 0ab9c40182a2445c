#pragma once
// Renders a syntax tree.
#include <string>

#include "jinja/context.h"
#include "jinja/syntax.h"

namespace r1::jinja {

/// Names and their values: those of the template, of one turn of a loop, of one call of a macro.
struct Scope {
  Scope* outer = nullptr;
  std::vector<std::pair<std::string, Value>> names;

  /// Here or further out; null when nothing has the name.
  const Value* find(const std::string& name) const;
  /// Here; what lies further out keeps its value.
  void set(const std::string& name, Value value);
};

/// The text of a body. Throws: InputError.
std::string render_body(Context& context, const Body& body, Scope& scope);

/// Value of an expression. Throws: InputError.
Value evaluate(Context& context, const Expr& expr, Scope& scope);

}  // namespace r1::jinja
