#pragma once
// Renders the syntax tree of a template.
#include <string>

#include "jinja/context.h"
#include "jinja/syntax.h"

namespace r1::jinja {

/// Names and values of one scope: the template, an iteration of a loop, or a call of a macro.
struct Scope {
  Scope* outer = nullptr;
  std::vector<std::pair<std::string, Value>> names;

  /// Looks in this scope, then in the outer scopes; null if the name is unknown.
  const Value* find(const std::string& name) const;
  /// Sets a name in this scope; outer scopes keep their values.
  void set(const std::string& name, Value value);
};

/// Returns the rendered text of a body. Throws: InputError.
std::string render_body(Context& context, const Body& body, Scope& scope);

/// Returns the value of an expression. Throws: InputError.
Value evaluate(Context& context, const Expr& expr, Scope& scope);

}  // namespace r1::jinja
