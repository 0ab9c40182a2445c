#include "rewards/maths/vocabulary.h"

#include <algorithm>

namespace r1::rewards::maths {

const std::unordered_set<std::string>& function_names() {
  static const std::unordered_set<std::string> names{
      "sin",    "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos",
      "arctan", "log", "ln",  "exp", "lg",  "abs", "floor",  "ceil"};
  return names;
}

bool is_symbol_word(const std::string& w) {
  if (function_names().count(w) > 0 || w == "sqrt" || w == "pi") return true;
  if (static_cast<unsigned char>(w[0]) >= 0x80) return false;
  const bool upper = std::all_of(w.begin(), w.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return w.size() <= 2 || (upper && w.size() <= 4);
}

bool is_greek(const std::string& name) {
  static const std::unordered_set<std::string> names{
      "\\alpha", "\\beta",   "\\gamma", "\\delta", "\\theta", "\\lambda",  "\\mu",
      "\\phi",   "\\varphi", "\\omega", "\\sigma", "\\rho",   "\\epsilon", "\\tau"};
  return names.count(name) > 0;
}

bool is_short_unit(const std::string& word) {
  static const std::unordered_set<std::string> units{"cm", "mm", "km", "kg", "mg", "ml",
                                                     "ft", "in", "hr", "mi", "at"};
  return units.count(word) > 0;
}

}  // namespace r1::rewards::maths
