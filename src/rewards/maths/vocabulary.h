#pragma once
// Words and commands that have a meaning in an answer.
#include <string>
#include <string_view>
#include <unordered_set>

namespace r1::rewards::maths {

/// sin, log, floor, ... without backslash.
const std::unordered_set<std::string>& function_names();
/// Whether a word is maths and not prose: x, AB, pi, sin.
bool is_symbol_word(const std::string& word);
/// Whether two letters are a unit after a number: cm, kg, ...
bool is_short_unit(const std::string& word);
/// Whether a word is "a", "an" or "the".
bool is_article(const std::string& word);
/// Whether a name is a Greek letter such as "\alpha".
bool is_greek(const std::string& name);
/// "million" and "만" as digits; empty for other words.
std::string scale_of(const std::string& word);
/// Whether a word after a number changes the number: "5 squared", "5 sevenths".
bool changes_value(const std::string& word);
/// Whether the word means that the digits before it repeat without end: "repeating".
bool means_repeating(const std::string& word);
/// Whether a plain text (normalise.h) says that there is no solution, in words or as a set.
bool means_no_solution(const std::string& words);
/// Whether the words mean "all real numbers".
bool means_all_reals(std::string_view words);
/// Whether the words deny a statement: "not", "is wrong", "unless".
bool denies(std::string_view words);
/// Whether the words deny an answer or offer another answer, and thus are not a unit: "not", "or
/// 6", "is wrong".
bool is_reservation(std::string_view words);

}  // namespace r1::rewards::maths
