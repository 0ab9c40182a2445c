#include "rewards/maths/vocabulary.h"

#include <algorithm>
#include <unordered_map>

#include "data/text.h"

namespace r1::rewards::maths {

const std::unordered_set<std::string>& function_names() {
  static const std::unordered_set<std::string> names{
      "sin", "cos", "tan", "cot", "sec",   "csc",  "arcsin", "arccos", "arctan", "log",
      "ln",  "exp", "lg",  "abs", "floor", "ceil", "sinh",   "cosh",   "tanh"};
  return names;
}

bool is_symbol_word(const std::string& w) {
  if (function_names().count(w) > 0 || w == "sqrt" || w == "pi") return true;
  static const std::unordered_set<std::string> prose{"is", "it", "we", "so", "of", "if",
                                                     "he", "us", "on", "up", "no"};
  if (static_cast<unsigned char>(w[0]) >= 0x80 || prose.count(data::lower_ascii(w)) > 0)
    return false;
  const bool upper = std::all_of(w.begin(), w.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return w.size() <= 2 || (upper && w.size() <= 4);
}

bool is_article(const std::string& word) {
  return word == "a" || word == "an" || word == "the";
}

bool is_greek(const std::string& name) {
  static const std::unordered_set<std::string> names{
      "\\alpha", "\\beta",   "\\gamma", "\\delta", "\\theta", "\\lambda",  "\\mu",
      "\\phi",   "\\varphi", "\\omega", "\\sigma", "\\rho",   "\\epsilon", "\\tau"};
  return names.count(name) > 0;
}

bool is_short_unit(const std::string& word) {
  static const std::unordered_set<std::string> units{
      "cm", "mm", "km",  "kg",  "mg",  "ml",  "ft",  "in",  "hr",  "mi",  "at",
      "cc", "sq", "rad", "USD", "EUR", "KRW", "GBP", "lb",  "oz",  "mL",  "Pa",
      "Hz", "kW", "kN",  "kJ",  "kV",  "mA",  "mV",  "eV",  "dB",  "MW",  "GW",
      "MJ", "MV", "nm",  "ms",  "ns",  "kPa", "MPa", "mol", "kHz", "MHz", "GHz"};
  return units.count(word) > 0;
}

std::string scale_of(const std::string& word) {
  static const std::unordered_map<std::string, std::string> scales{
      {"hundred", "100"},     {"thousand", "1000"},
      {"million", "1000000"}, {"billion", "1000000000"},
      {"dozen", "12"},        {"trillion", "1000000000000"},
      {"천", "1000"},         {"천원", "1000"},
      {"만", "10000"},        {"만원", "10000"},
      {"억", "100000000"},    {"억원", "100000000"}};
  const auto found = scales.find(word);
  return found == scales.end() ? std::string{} : found->second;
}

bool changes_value(const std::string& word) {
  static const std::unordered_set<std::string> words{"squared",  "cubed",   "factorial", "halves",
                                                     "thirds",   "fourths", "fifths",    "sixths",
                                                     "sevenths", "eighths", "ninths",    "tenths"};
  return words.count(word) > 0 || means_repeating(word);
}

bool means_repeating(const std::string& word) {
  return word == "repeating" || word == "recurring" || word == "repeated" ||
         word.starts_with("순환") || word.starts_with("循环") || word.starts_with("循環");
}

bool means_all_reals(std::string_view words) {
  const std::string lower = data::lower_ascii(words);
  return lower == "all real numbers" || lower == "all reals" || lower == "all real values" ||
         lower == "모든 실수";
}

bool means_no_solution(const std::string& words) {
  static const std::unordered_set<std::string> phrases{"nosolution",
                                                       "nosolutions",
                                                       "norealsolution",
                                                       "norealsolutions",
                                                       "therearenorealsolutions",
                                                       "none",
                                                       "nosolutionexists",
                                                       "nosolutionsexist",
                                                       "thereisnosolution",
                                                       "therearenosolutions",
                                                       "ithasnosolution",
                                                       "해가없다",
                                                       "해없음",
                                                       "해가없음",
                                                       "해는없다",
                                                       "\\emptyset",
                                                       "\\{\\}"};
  return phrases.count(words) > 0 || words.ends_with("hasnosolution") ||
         words.ends_with("hasnosolutions") || words.ends_with("havenosolution");
}

bool denies(std::string_view words) {
  static const std::unordered_set<std::string> denials{
      "not",    "isn",     "no",       "nor",     "wrong",   "incorrect", "false",
      "except", "maybe",   "perhaps",  "either",  "unless",  "neither",   "if",
      "cannot", "never",   "probably", "unknown", "invalid", "doesn",     "doubt",
      "than",   "without", "aren",     "wasn"};
  std::string word;
  for (std::size_t at = 0; at <= words.size(); ++at) {
    const char c = at < words.size() ? words[at] : ' ';
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      word += static_cast<char>(c | 0x20);
      continue;
    }
    if (denials.count(word) > 0) return true;
    word.clear();
  }
  for (const std::string_view other : {"아니", "아닙", "아닌", "아님", "不", "非", "没", "ない"})
    if (words.find(other) != words.npos) return true;
  return false;
}

bool is_reservation(std::string_view words) {
  static const std::unordered_set<std::string> reservations{
      "not",    "isn",      "no",      "or",      "nor",      "wrong",    "incorrect", "false",
      "except", "maybe",    "perhaps", "either",  "neither",  "between",  "unless",    "than",
      "and",    "cannot",   "never",   "without", "probably", "unknown",  "invalid",   "plus",
      "minus",  "times",    "over",    "half",    "hundred",  "thousand", "million",   "billion",
      "dozen",  "trillion", "choose",  "least",   "most",     "if",       "unless",    "when"};
  static const std::unordered_set<std::string_view> others{
      "아니", "아닙", "아닌", "아님", "보다", "이상", "이하", "미만", "초과", "‰", "万", "亿"};
  for (const std::string_view other : others)
    if (words.find(other) != words.npos) return true;
  std::string word;
  for (std::size_t at = 0; at <= words.size(); ++at) {
    const char c = at < words.size() ? words[at] : ' ';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c >= '0' && c <= '9') return true;
    if (c == '=' || c == '<' || c == '>') return true;
    if (letter) {
      word += static_cast<char>(c | 0x20);
    } else {
      if (reservations.count(word) > 0) return true;
      word.clear();
    }
  }
  return false;
}

}  // namespace r1::rewards::maths
