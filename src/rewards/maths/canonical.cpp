#include "rewards/maths/canonical.h"

#include <algorithm>
#include <vector>

namespace r1::rewards::maths {
namespace {

/// Terms of nested sums, or factors of nested products.
void collect(const Node& node, Kind kind, std::vector<std::string>& keys) {
  for (const Node& child : node.children) {
    if (child.kind == kind) {
      collect(child, kind, keys);
    } else {
      keys.push_back(canonical_key(child));
    }
  }
}

}  // namespace

std::string canonical_key(const Node& node) {
  if (node.children.empty()) return std::to_string(static_cast<int>(node.kind)) + ":" + node.text;
  std::vector<std::string> keys;
  if (node.kind == Kind::Add || node.kind == Kind::Multiply) {
    collect(node, node.kind, keys);
    std::sort(keys.begin(), keys.end());
  } else {
    for (const Node& child : node.children) keys.push_back(canonical_key(child));
  }
  std::string key = std::to_string(static_cast<int>(node.kind)) + ":" + node.text + "(";
  for (const std::string& part : keys) key += part + ",";
  key += ')';
  return key;
}

bool is_opaque(const Node& node) {
  return node.kind == Kind::Call && !node.text.empty() && node.text[0] == '\\';
}

bool is_number_symbol(const std::string& name) {
  return name != "\\infty" && name != "\\emptyset" && name != "\\dots" &&
         name.rfind("\\mathbb", 0) != 0;
}

}  // namespace r1::rewards::maths
