#include "rewards/maths/verify.h"

#include <algorithm>
#include <cctype>

#include "data/text.h"
#include "rewards/maths/extract.h"
#include "rewards/maths/normalise.h"
#include "rewards/maths/parse.h"
#include "rewards/maths/units.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {
namespace {

bool has_digit(std::string_view text) {
  return text.find_first_of("0123456789") != text.npos;
}

/// "odd", "Evelyn", "\text{east}": an answer in words, compared as text.
bool is_words(std::string_view text) {
  return !has_digit(text) && text.find_first_of("=+<>^") == text.npos;
}

bool is_letter(char c) {
  return c >= 'A' && c <= 'J';
}

/// "B", "(B)", "\text{(B)}".
bool is_choice(const std::string& gold) {
  const std::string letter = plain_text(gold);  // a small one where \text holds brackets
  if (letter.size() != 1) return false;
  const char capital = static_cast<char>(std::toupper(static_cast<unsigned char>(letter[0])));
  return is_letter(capital) && gold.find(capital) != std::string::npos;
}

/// "(B) 12", "B. 12", "\textbf{(B)} 12": a letter before what it stands for.
bool leads_with_choice(std::string_view text) {
  if (text.starts_with('\\')) text.remove_prefix(std::min(text.find('{'), text.size() - 1) + 1);
  const bool bracket = text.starts_with('(');
  if (bracket) text.remove_prefix(1);
  constexpr std::size_t kShortest = 4;  // "B. 1"
  if (text.size() < kShortest || !is_letter(text[0])) return false;
  const bool apart = text[2] == ' ' || text[2] == '}' || text[2] == '\\';
  return apart && (text[1] == ')' || (!bracket && (text[1] == '.' || text[1] == ':')));
}

/// Several words, or one in another script, taken as the answer for want of anything better.
bool plain_words(const Candidate& candidate) {
  const auto other = [](char c) { return c == ' ' || static_cast<unsigned char>(c) >= 0x80; };
  return candidate.rule != "letter" && is_words(candidate.text) &&
         std::any_of(candidate.text.begin(), candidate.text.end(), other);
}

/// The candidate, or the letter that it or the whole text names.
Candidate with_choice(Candidate candidate, std::string_view prediction, const Limits& limits) {
  const bool marked = candidate.rule == "boxed" || candidate.rule == "answer_tag";
  const bool prose = candidate.rule == "phrase" || candidate.rule == "number" ||
                     candidate.rule == "maths" || plain_words(candidate);
  if (!prose && !leads_with_choice(candidate.text) && parse(candidate.text, limits).node)
    return candidate;
  Candidate choice = extract_letter(marked ? std::string_view(candidate.text) : prediction);
  return choice.found() ? choice : candidate;
}

/// "an ellipse" without its article.
std::string without_article(const std::string& text) {
  const bool command = text.starts_with("\\text{");
  const std::string_view words = std::string_view(text).substr(command ? 6 : 0);
  const std::string lower = data::lower_ascii(words.substr(0, 4));
  for (const std::string_view article : {"a ", "an ", "the "})
    if (lower.starts_with(article))
      return (command ? "\\text{" : "") + std::string(words.substr(article.size()));
  return text;
}

/// "1000,99" and "2,74": a comma as decimal sign. "5,000" is a thousand times five.
std::string with_decimal_point(const std::string& text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos || comma == 0 || text.find(',', comma + 1) != std::string::npos)
    return text;
  std::string digits = text;
  digits.erase(comma, 1);
  if (digits.find_first_not_of("0123456789", digits[0] == '-' ? 1 : 0) != std::string::npos)
    return text;
  constexpr std::size_t kGroup = 3;
  if (text.size() - comma - 1 == kGroup && text.find_first_of("123456789") < comma) return text;
  digits = text;
  digits[comma] = '.';
  return digits;
}

Verdict finish(Answer answer, std::string reason, const Candidate& candidate) {
  return {answer, answer == Answer::Equal ? 1.0 : 0.0, std::move(reason), candidate.rule,
          candidate.text};
}

Verdict compare_texts(const std::string& gold, const Candidate& candidate, const Limits& limits) {
  const auto same = [&](const std::string& a, const std::string& b) {
    const std::string plain = plain_text(a);
    const std::string other = plain_text(b);
    return (!plain.empty() && plain == other) ||
           (means_no_solution(plain) && means_no_solution(other));
  };
  if (candidate.text.size() > limits.text_bytes || gold.size() > limits.text_bytes)
    return finish(Answer::Unknown, "limit", candidate);
  const ParseResult left = parse(gold, limits);
  const ParseResult right = parse(candidate.text, limits);
  // 10 cm is not 10 m, 5 mW not 5 MW.
  if (left.node && right.node && !same_unit(left.unit, right.unit))
    return finish(Answer::Different, "wrong", candidate);
  const bool words = is_words(gold) && same(without_article(gold), without_article(candidate.text));
  if (words || same(gold, candidate.text)) return finish(Answer::Equal, "ok", candidate);
  if (!left.node) {
    if (left.limit) return finish(Answer::Unknown, "limit", candidate);
    if (is_words(gold)) return finish(Answer::Different, "wrong", candidate);
    return finish(Answer::Unknown, "unparsable_gold", candidate);
  }
  if (!right.node)
    return finish(Answer::Unknown, right.limit ? "limit" : "unparsable_answer", candidate);
  const Answer answer = compare(*left.node, *right.node, limits);
  if (answer == Answer::Unknown) return finish(answer, "limit", candidate);
  return finish(answer, answer == Answer::Equal ? "ok" : "wrong", candidate);
}

}  // namespace

Verdict verify(std::string_view gold_field, std::string_view prediction, const Limits& limits) {
  const std::string gold = extract_gold(gold_field);
  if (plain_text(gold).empty()) return finish(Answer::Unknown, "unparsable_gold", {});
  Candidate candidate = extract_answer(prediction);
  if (is_choice(gold)) candidate = with_choice(std::move(candidate), prediction, limits);
  if (prediction.size() <= limits.text_bytes && plain_text(prediction) == plain_text(gold))
    candidate = {std::string(prediction), "whole"};
  if (!candidate.found() || candidate.text.empty())
    return finish(Answer::Unknown, "no_answer", candidate);
  Verdict verdict = compare_texts(gold, candidate, limits);
  if (verdict.answer == Answer::Equal) return verdict;
  // A gold answer "1,2" is a list, "0,111" a number; between two with commas these separate alike.
  const std::string gold_point =
      gold.starts_with("0,") && gold.size() > 4 ? with_decimal_point(gold) : gold;
  const Candidate point{with_decimal_point(candidate.text), candidate.rule};
  const bool decimal = gold_point != gold || gold.find(',') == std::string::npos;
  if (!decimal || (gold_point == gold) == (point.text == candidate.text)) return verdict;
  const Verdict second = compare_texts(gold_point, point, limits);
  return second.answer == Answer::Equal ? second : verdict;
}

double partial_score(std::string_view gold_field, std::string_view prediction,
                     const Limits& limits) {
  constexpr double kCeiling = 0.49;
  const Candidate candidate = extract_answer(prediction);
  const ParseResult gold = parse(extract_gold(gold_field), limits);
  const ParseResult found = parse(candidate.text, limits);
  if (!candidate.found() || !gold.node || !found.node) return 0.0;
  const auto wanted = answer_elements(*gold.node);
  const auto given = answer_elements(*found.node);
  if (wanted.size() > 1) {
    const auto hit = std::count_if(wanted.begin(), wanted.end(), [&](const Node& w) {
      return std::any_of(given.begin(), given.end(),
                         [&](const Node& g) { return compare(w, g, limits) == Answer::Equal; });
    });
    const auto size = std::max(wanted.size(), given.size());
    return kCeiling * static_cast<double>(hit) / static_cast<double>(size);
  }
  double error = 0.0;
  if (!numeric_distance(*gold.node, *found.node, limits, error)) return 0.0;
  constexpr double kForm = 0.1;  // a number where a number is asked
  constexpr double kSteepness = 10.0;
  return kCeiling * (kForm + (1.0 - kForm) / (1.0 + kSteepness * error));
}

}  // namespace r1::rewards::maths
