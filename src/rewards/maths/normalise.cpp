#include "rewards/maths/normalise.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "data/text.h"
#include "rewards/maths/number_words.h"
#include "rewards/maths/unicode.h"

namespace r1::rewards::maths {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const std::unordered_map<std::string, std::string>& command_table() {
  static const std::unordered_map<std::string, std::string> table{{"dfrac", "\\frac"},
                                                                  {"tfrac", "\\frac"},
                                                                  {"cfrac", "\\frac"},
                                                                  {"dbinom", "\\binom"},
                                                                  {"tbinom", "\\binom"},
                                                                  {"cdot", "*"},
                                                                  {"times", "*"},
                                                                  {"ast", "*"},
                                                                  {"div", "/"},
                                                                  {"leq", "\\le "},
                                                                  {"leqslant", "\\le "},
                                                                  {"geq", "\\ge "},
                                                                  {"geqslant", "\\ge "},
                                                                  {"lt", "<"},
                                                                  {"gt", ">"},
                                                                  {"neq", "\\ne "},
                                                                  {"left", ""},
                                                                  {"right", ""},
                                                                  {"big", ""},
                                                                  {"Big", ""},
                                                                  {"bigl", ""},
                                                                  {"bigr", ""},
                                                                  {"Bigl", ""},
                                                                  {"Bigr", ""},
                                                                  {"bigg", ""},
                                                                  {"Bigg", ""},
                                                                  {"displaystyle", ""},
                                                                  {"textstyle", ""},
                                                                  {"limits", ""},
                                                                  {"quad", " "},
                                                                  {"qquad", " "},
                                                                  {"angle", ""},
                                                                  {"degree", "\\circ "},
                                                                  {"mid", "|"},
                                                                  {"lVert", "|"},
                                                                  {"vert", "|"},
                                                                  {"overrightarrow", ""},
                                                                  {"vec", ""},
                                                                  {"hat", ""},
                                                                  {"mathcal", ""},
                                                                  {"boldsymbol", ""},
                                                                  {"bm", ""},
                                                                  {"rm", ""},
                                                                  {"scriptstyle", ""},
                                                                  {"thinspace", " "},
                                                                  {"backslash", "\\setminus "},
                                                                  {"smallsetminus", "\\setminus "},
                                                                  {"dots", "\\dots "},
                                                                  {"rightarrow", "\\to "},
                                                                  {"R", "\\mathbb{R}"},
                                                                  {"doteq", "="},
                                                                  {"prime", "'"},
                                                                  {"imath", "i"},
                                                                  {"euro", ""},
                                                                  {"pounds", ""},
                                                                  {"percent", "%"},
                                                                  {"nolimits", ""},
                                                                  {"middle", ""},
                                                                  {"lbrace", "\\{"},
                                                                  {"rbrace", "\\}"},
                                                                  {"varnothing", "\\emptyset "},
                                                                  {"colon", ":"},
                                                                  {"lvert", "|"},
                                                                  {"rvert", "|"},
                                                                  {"ldots", "\\dots "},
                                                                  {"cdots", "\\dots "},
                                                                  {"infin", "\\infty "},
                                                                  {"boxed", ""},
                                                                  {"fbox", ""},
                                                                  {"beginboxed", ""},
                                                                  {"mathbf", ""},
                                                                  {"simeq", "\\approx "},
                                                                  {"large", ""},
                                                                  {"Large", ""},
                                                                  {"LARGE", ""},
                                                                  {"huge", ""},
                                                                  {"Huge", ""},
                                                                  {"small", ""},
                                                                  {"normalsize", ""},
                                                                  {"underline", ""},
                                                                  {"blacksquare", ""},
                                                                  {"checkmark", ""},
                                                                  {"enspace", " "},
                                                                  {"framebox", ""},
                                                                  {"mathsf", ""},
                                                                  {"bf", ""},
                                                                  {"Bbb", "\\mathbb "}};
  return table;
}

std::string command_name(const std::string& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_alpha(text[end])) ++end;
  return text.substr(at, end - at);
}

/// Commands that say how things look; their arguments say no more.
bool takes_an_ignored_argument(const std::string& name) {
  return name == "color" || name == "textcolor" || name == "phantom" || name == "hphantom" ||
         name == "vphantom" || name == "tag" || name == "hspace" || name == "vspace" ||
         name == "label";
}

/// Behind "{...}" at `at`; `at` itself when there is none.
std::size_t behind_argument(const std::string& text, std::size_t at) {
  if (at >= text.size() || text[at] != '{') return at;
  int depth = 0;
  for (std::size_t end = at; end < text.size(); ++end) {
    if (text[end] == '{') ++depth;
    if (text[end] == '}' && --depth == 0) return end + 1;
  }
  return at;
}

/// Behind the "[4pt]" of a new row; `at` itself when there is none.
std::size_t behind_row_space(const std::string& text, std::size_t at) {
  if (at >= text.size() || text[at] != '[') return at;
  const std::size_t number = text.find_first_not_of("0123456789.-", at + 1);
  const std::size_t close = text.find(']', at);
  if (number == std::string::npos || close == std::string::npos || close != number + 2 ||
      number == at + 1 || !is_alpha(text[number]))
    return at;
  return close + 1;
}

/// Handles the backslash at `at` and moves behind what it read.
void append_command(std::string& out, const std::string& text, std::size_t& at) {
  if (at + 1 >= text.size()) {
    ++at;
    return;
  }
  const char next = text[at + 1];
  if (next == '\\') {  // "\\frac" is a doubled escape, "\\" alone or in a matrix a new row
    const bool matrix = text.find("\\begin") != std::string::npos;
    const bool escape = at + 2 < text.size() && is_alpha(text[at + 2]) && !matrix;
    if (!escape) out += "\\\\ ";
    at += escape ? 1 : 2;
    if (matrix) at = behind_row_space(text, at);
    return;
  }
  if (!is_alpha(next)) {
    if (next == '{' || next == '}') out += std::string{'\\', next};
    if (next == '%') out += '%';
    const bool joins_digits = next == ',' && (at + 2 >= text.size() || is_digit(text[at + 2]));
    if (next == ' ' || next == ':' || next == ';' || (next == ',' && !joins_digits)) out += ' ';
    at += 2;
    return;
  }
  std::string name = command_name(text, at + 1);
  at += 1 + name.size();
  if (name.rfind("quad", 0) == 0 && name.size() > 4) {  // "\quadx": the macro ran into a word
    at -= name.size() - 4;
    name = "quad";
  }
  if (name == "overline" || name == "bar") {  // over digits it repeats them, over letters it names
    const std::size_t last = out.find_last_not_of(" {");
    const bool digits = last != std::string::npos &&
                        (out[last] == '.' || (is_digit(out[last]) && out.back() != '{'));
    out += digits ? "\\overline " : "";
    return;
  }
  if (takes_an_ignored_argument(name)) {
    at = behind_argument(text, at);
    return;
  }
  const auto found = command_table().find(name);
  if (found != command_table().end()) {
    out += found->second;
  } else {
    out.append(1, '\\').append(name).append(1, ' ');
  }
}

/// Whether exactly three digits stand at `at`.
bool is_group(const std::string& text, std::size_t at) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
  return end - std::min(at, end) == 3;
}

/// Takes the comma of "1 , \\!" off, which joins the digits around it even inside brackets.
void drop_comma(std::string& out) {
  const std::size_t comma = out.find_last_not_of(' ');
  if (comma == std::string::npos || comma == 0 || out[comma] != ',') return;
  const std::size_t digit = out.find_last_not_of(' ', comma - 1);
  if (digit != std::string::npos && is_digit(out[digit])) out.erase(digit + 1);
}

/// Commas that TeX writes inside one number: "{,}" and ",\\!".
std::string join_thousands(std::string text) {
  for (const std::string_view mark : {"{,}", "{ , }", "\\!"}) {
    if (text.find(mark) == std::string::npos) continue;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      if (text.compare(at, mark.size(), mark) != 0) {
        out += text[at++];
        continue;
      }
      at += mark.size();
      if (mark[0] == '{') out += ',';
      while (mark == "\\!" && at < text.size() && text[at] == ' ') ++at;
      // "0{,}111" is a decimal.
      const bool zero = out == "0," || out.ends_with(" 0,");
      if (is_group(text, at) && !zero) drop_comma(out);
    }
    text = std::move(out);
  }
  return text;
}

/// "1 234 567": one number, where nothing else is written.
std::string join_spaced_groups(const std::string& text) {
  const std::size_t begin = text.starts_with('-') ? 1 : 0;
  const std::size_t first = text.find(' ');
  if (first == std::string::npos || first == begin || first - begin > 3 || text[begin] == '0' ||
      text.find_first_not_of("0123456789 ", begin) != std::string::npos)
    return text;
  for (std::size_t space = first; space < text.size(); space += 4)
    if (text[space] != ' ' || !is_group(text, space + 1)) return text;
  std::string joined = text;
  std::erase(joined, ' ');
  return joined;
}

/// "1'234'567" and "1_234_567": marks between groups of three digits are dropped.
std::string join_marked_groups(const std::string& text) {
  std::string joined;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789", at), text.size());
    if (digits == at) {
      joined += text[at++];
      continue;
    }
    joined += text.substr(at, digits - at);
    const bool first = digits - at <= 3;
    at = digits;
    const char mark = at < text.size() ? text[at] : '\0';
    while (first && (mark == '\'' || mark == '_') && at < text.size() && text[at] == mark &&
           is_group(text, at + 1)) {
      joined += text.substr(at + 1, 3);
      at += 4;
    }
  }
  return joined;
}

/// A text whose backslashes are all doubled, as in a JSON file read as it is.
std::string without_escapes(std::string text) {
  if (text.find("\\\\begin") == std::string::npos) return text;
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    out += text[at];
    if (text[at] == '\\' && at + 1 < text.size() && text[at + 1] == '\\') ++at;
  }
  return out;
}

/// "12:30 p.m.": the half of the day becomes a unit.
std::string with_half_day(const std::string& text) {
  if (text.find(':') == std::string::npos) return text;
  const std::string lower = data::lower_ascii(text);
  for (const char* half : {"am", "pm"})
    for (const std::string& written :
         {std::string(half), std::string{half[0], '.', 'm', '.'}, std::string{half[0], '.', 'm'}}) {
      if (!lower.ends_with(written)) continue;
      const std::string time = data::trim(text.substr(0, text.size() - written.size()));
      if (!time.empty() && is_digit(time.back())) return time + " \\text{" + half + "}";
    }
  return text;
}

/// Entities of HTML and the point in braces, "12{.}5", as the signs that they stand for.
std::string without_entities(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> kSigns[]{
      {"&lt;", "<"}, {"&gt;", ">"}, {"&nbsp;", " "}, {"&amp;", "&"}, {"{.}", "."}};
  for (const auto& [written, sign] : kSigns)
    for (std::size_t at = 0; (at = text.find(written, at)) != std::string::npos; at += sign.size())
      text.replace(at, written.size(), sign);
  return text;
}

/// "**10**", "`10`", "__10__": marks of a page around the whole text.
std::string_view without_marks(std::string_view text) {
  while (text.size() > 2 && (text.front() == '*' || text.front() == '`' || text.front() == '_') &&
         text.back() == text.front())
    text = text.substr(1, text.size() - 2);
  return text;
}

/// "US$18.90" and "USD 18.90" without the currency.
std::string_view without_currency(std::string_view text) {
  for (const std::string_view name : {"US\\$", "US$", "USD "})
    if (text.starts_with(name)) return text.substr(name.size());
  return text;
}

/// "..." goes on with a list or a decimal; at the end of anything else it says nothing.
void append_dots(std::string& out, const std::string& text, std::size_t& at) {
  at = std::min(text.find_first_not_of('.', at), text.size());
  const bool ends = text.find_first_not_of(" $", at) == std::string::npos;
  const std::size_t last = out.find_last_not_of(' ');
  const bool list = last != std::string::npos && out[last] == ',';
  const std::size_t digits = out.find_last_not_of("0123456789");
  const bool decimal = digits != std::string::npos && out[digits] == '.' && digits + 1 < out.size();
  if (!ends || list || decimal) out += "\\dots ";
}

/// "\\SI{5}{m/s}" as "{5} \\text{m/s}", "\\si{m/s}" as "\\text{m/s}", "\\num{5}" as "{5}",
/// "\\ang{30}" as "{30}^\\circ".
std::string without_siunitx(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string name = text[at] == '\\' ? command_name(text, at + 1) : "";
    const bool quantity = name == "SI" || name == "qty";
    const bool number = quantity || name == "num" || name == "ang";
    if (!number && name != "si" && name != "unit") {
      out += text[at++];
      continue;
    }
    at += 1 + name.size();
    if (at < text.size() && text[at] == '[') at = std::min(text.find(']', at), text.size() - 1) + 1;
    if (number) {
      const std::size_t end = behind_argument(text, at);
      out += text.substr(at, end - at) + (name == "ang" ? "^\\circ " : " ");
      at = end;
    }
    if (name != "num" && name != "ang") out += "\\text";
  }
  return out;
}

}  // namespace

std::string normalise(std::string_view text) {
  const std::string plain = data::trim(without_entities(to_ascii(text)));
  const std::string ascii = without_siunitx(join_thousands(
      join_marked_groups(without_escapes(std::string(without_currency(without_marks(plain)))))));
  std::string out;
  for (std::size_t at = 0; at < ascii.size();) {
    if (ascii[at] == '\\' && at + 1 < ascii.size() && ascii[at + 1] == '$') {
      at += 2;
    } else if (ascii[at] == '\\') {
      append_command(out, ascii, at);
    } else if (ascii.compare(at, 3, "...") == 0) {
      append_dots(out, ascii, at);
    } else if (ascii[at] == '$' || ascii[at] == '~') {
      if (ascii[at] == '~') out += ' ';
      ++at;
    } else {
      out += ascii[at++];
    }
  }
  out = with_half_day(data::trim(out));
  while (!out.empty() && (out.back() == '.' || out.back() == ',' || out.back() == ';'))
    out = data::trim(std::string_view(out).substr(0, out.size() - 1));
  while (out.ends_with("\\\\")) out = data::trim(std::string_view(out).substr(0, out.size() - 2));
  return spelled_number(join_spaced_groups(out));
}

std::string plain_text(std::string_view text) {
  const auto tokens = tokenise(normalise(text));
  // Braces carry meaning beside commands and exponents: \\frac{1}{23} is not \\frac{12}{3}.
  // An unclosed one tells that the text was cut off.
  bool structure = false;
  int depth = 0;
  for (const Token& token : tokens) {
    structure |= token.kind == TokenKind::Command || token.text == "^" || token.text == "_";
    depth += token.text == "{" ? 1 : token.text == "}" ? -1 : 0;
  }
  structure |= depth != 0;
  std::string out;
  bool number_before = false;
  for (const Token& token : tokens) {
    const bool brace = token.text == "{" || token.text == "}";
    if ((brace && !structure) || token.text == "." || token.text == "\"") continue;
    const bool number = token.kind == TokenKind::Number;
    if (number && number_before) out += ' ';  // "1 5" is not 15
    number_before = number;
    // X and x are two variables, Odd and odd one word.
    const bool word = token.text.size() > 1;
    for (const char c : word ? data::lower_ascii(token.text) : token.text)
      if (c != ' ') out += c;
  }
  if (out.size() == 3 && out.front() == '(' && out.back() == ')') return out.substr(1, 1);
  return out;
}

}  // namespace r1::rewards::maths
