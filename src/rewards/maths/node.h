#pragma once
// The syntax tree of an answer. The tree is not evaluated: `1/0` and `9^(9^9)` are valid trees.
#include <cstddef>
#include <string>
#include <vector>

namespace r1::rewards::maths {

/// Limits of reading and evaluating a text; beyond a limit the verdict is unknown.
struct Limits {
  std::size_t text_bytes = 4096;
  int nesting = 64;
  int nodes = 512;
  std::size_t digits = 2048;
  std::size_t value_bits = std::size_t{1} << 13;  // of an exact rational; larger ones use primes
  long precision_bits = 4096;                     // of the finest ball
  long steps = 100'000;                           // of one comparison, about 10 ms
};

enum class Kind {
  Number,    // text: unsigned decimal digits, thousands separators removed
  Symbol,    // text: x, x_1, \infty, \pi
  Text,      // text: words
  Add,       // sum of children
  Multiply,  // product of children
  Divide,    // 2 children
  Power,     // 2 children
  Negate,
  PlusMinus,  // 1 child: both signs of the value
  Percent,
  Call,      // text: function; children: arguments; "\\sum" etc. are never evaluated
  Group,     // text: brackets such as "()" or "[)", "{}" a set, "[]m" a matrix, ":" a ratio
  List,      // elements; text: the separator: "," (or ";"), "and", "or"
  Relation,  // text: = < <= > >= != in; two children
};

struct Node {
  Kind kind = Kind::Text;
  std::string text;
  std::vector<Node> children;

  bool operator==(const Node&) const = default;
};

/// Whether the node is an integer such as "12" (not "1.2").
inline bool is_integer_literal(const Node& node) {
  return node.kind == Kind::Number && node.text.find('.') == std::string::npos;
}

/// Whether the node is a fraction of integers such as "3/4".
inline bool is_integer_fraction(const Node& node) {
  return node.kind == Kind::Divide && is_integer_literal(node.children[0]) &&
         is_integer_literal(node.children[1]);
}

}  // namespace r1::rewards::maths
