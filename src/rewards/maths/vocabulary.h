#pragma once
// Which words and commands mean something in an answer.
#include <string>
#include <string_view>
#include <unordered_set>

namespace r1::rewards::maths {

/// sin, log, floor, ... without backslash.
const std::unordered_set<std::string>& function_names();
/// x, AB, pi, sin: a word that is read as maths, not as prose.
bool is_symbol_word(const std::string& word);
/// cm, kg, ... : two letters that are a unit behind a number.
bool is_short_unit(const std::string& word);
/// "a", "an", "the".
bool is_article(const std::string& word);
/// "\alpha" and its kin.
bool is_greek(const std::string& name);
/// "million" and "만" as digits, empty: no such word.
std::string scale_of(const std::string& word);
/// A word behind a number that makes another number of it: "5 squared", "5 sevenths".
bool changes_value(const std::string& word);
/// "repeating": the digits before it go on without end.
bool means_repeating(const std::string& word);
/// Whether a plain text (normalise.h) says that there is no solution, in words or as a set.
bool means_no_solution(const std::string& words);
/// "all real numbers".
bool means_all_reals(std::string_view words);
/// Whether the words take a statement back: "not", "is wrong", "unless".
bool denies(std::string_view words);
/// "not", "or 6", "is wrong": words that take an answer back or offer another, never a unit.
bool is_reservation(std::string_view words);

}  // namespace r1::rewards::maths
