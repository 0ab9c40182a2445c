#pragma once
// The syntax tree of a template.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace r1::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind {
  Constant,     // value
  Name,         // name
  List,         // parts
  Tuple,        // parts
  Dict,         // parts: key, value, key, value ...
  Attribute,    // parts[0] . name
  Item,         // parts[0] [ parts[1] ]
  Slice,        // parts[0] [ parts[1] : parts[2] : parts[3] ], null where left out
  Call,         // parts[0] ( parts[1] ..., named )
  Filter,       // parts[0] | name ( parts[1] ..., named )
  Test,         // parts[0] is name ( parts[1] ..., named )
  Unary,        // name parts[0]
  Binary,       // parts[0] name parts[1]
  Compare,      // parts[0] operators[0] parts[1] operators[1] parts[2] ...
  And,          // parts[0] and parts[1]
  Or,           // parts[0] or parts[1]
  Not,          // not parts[0]
  Conditional,  // parts[1] if parts[0] else parts[2], which may be null
  Concat,       // parts[0] ~ parts[1] ~ ...
};

struct Expr {
  ExprKind kind;
  int line = 1;
  int depth = 1;  // nesting depth of the expression
  std::string name;
  Value value;
  std::vector<ExprPtr> parts;
  std::vector<std::pair<std::string, ExprPtr>> named;
  std::vector<std::string> operators;
};

struct Node;
using Body = std::vector<std::unique_ptr<Node>>;

enum class NodeKind {
  Text,        // text
  Print,       // expr
  If,          // branches; otherwise
  For,         // targets in expr if condition: body; otherwise
  Set,         // targets = expr
  SetBlock,    // targets = body, through the filters of expr, which may be null
  Macro,       // text: name; parameters; body
  CallBlock,   // expr: the call; parameters of caller; body
  Filter,      // expr: the filters; body
  With,        // assignments; body
  Generation,  // body
  Break,
  Continue,
};

/// The target of an assignment: a name, an attribute of a namespace, or several targets.
struct Target {
  std::string name;
  std::string attribute;  // empty: the name itself
  std::vector<Target> parts;
};

struct Parameter {
  std::string name;
  ExprPtr default_value;  // may be null
};

struct Branch {
  ExprPtr condition;
  Body body;
};

struct Node {
  NodeKind kind;
  int line = 1;
  std::string text;
  ExprPtr expr;
  ExprPtr condition;
  Target target;
  std::vector<Parameter> parameters;
  std::vector<std::pair<Target, ExprPtr>> assignments;
  std::vector<Branch> branches;
  Body body;
  Body otherwise;
};

/// The name of the operand of a filter block or block assignment: the text of the block.
inline constexpr const char* kBlockText = "(text of the block)";

}  // namespace r1::jinja
