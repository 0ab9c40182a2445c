#include "rewards/maths/normalise.h"

#include <array>
#include <cctype>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "data/text.h"

namespace r1::rewards::maths {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const std::unordered_map<std::int32_t, std::string>& unicode_table() {
  static const std::unordered_map<std::int32_t, std::string> table{{0x221A, "\\usqrt "},
                                                                   {0x00D7, "*"},
                                                                   {0x00B7, "*"},
                                                                   {0x22C5, "*"},
                                                                   {0x2217, "*"},
                                                                   {0x00F7, "/"},
                                                                   {0x2044, "/"},
                                                                   {0x2215, "/"},
                                                                   {0x2212, "-"},
                                                                   {0x2013, "-"},
                                                                   {0x2010, "-"},
                                                                   {0x2011, "-"},
                                                                   {0x00B0, "\\circ "},
                                                                   {0x03C0, "\\pi "},
                                                                   {0x221E, "\\infty "},
                                                                   {0x2264, "\\le "},
                                                                   {0x2265, "\\ge "},
                                                                   {0x2260, "\\ne "},
                                                                   {0x2248, "\\approx "},
                                                                   {0x00B1, "\\pm "},
                                                                   {0x2208, "\\in "},
                                                                   {0x222A, "\\cup "},
                                                                   {0x2205, "\\emptyset "},
                                                                   {0x211D, "\\mathbb{R}"},
                                                                   {0x00BD, "\\frac12 "},
                                                                   {0x00BC, "\\frac14 "},
                                                                   {0x00BE, "\\frac34 "},
                                                                   {0x2070, "^0 "},
                                                                   {0x00B9, "^1 "},
                                                                   {0x00B2, "^2 "},
                                                                   {0x00B3, "^3 "},
                                                                   {0x2074, "^4 "},
                                                                   {0x2075, "^5 "},
                                                                   {0x2076, "^6 "},
                                                                   {0x2077, "^7 "},
                                                                   {0x2078, "^8 "},
                                                                   {0x2079, "^9 "},
                                                                   {0x207B, "^-"},
                                                                   {0x20AC, ""},
                                                                   {0x00A3, ""},
                                                                   {0x00A5, ""},
                                                                   {0x20A9, ""},
                                                                   {0x00A0, " "},
                                                                   {0x2009, " "},
                                                                   {0x202F, " "},
                                                                   {0x3002, "."},
                                                                   {0x3001, ","},
                                                                   {0x2032, ""},
                                                                   {0x200B, ""},
                                                                   {0xFEFF, ""}};
  return table;
}

/// One character of the input in ASCII, or as it is when it has no ASCII form.
void append_ascii(std::string& out, std::int32_t c, std::string_view original) {
  if (c >= 0xFF01 && c <= 0xFF5E) {  // full-width forms
    out += static_cast<char>(c - 0xFF01 + 0x21);
    return;
  }
  const auto found = unicode_table().find(c);
  if (found != unicode_table().end()) {
    out += found->second;
  } else {
    out.append(original);
  }
}

std::string to_ascii(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const std::int32_t c = data::next_code_point(text, at);
    if (c >= 0 && c < 0x80) {
      out += static_cast<char>(c);
    } else {
      append_ascii(out, c, text.substr(start, at - start));
    }
  }
  return out;
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
                                                                  {"bf", ""}};
  return table;
}

std::string command_name(const std::string& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_alpha(text[end])) ++end;
  return text.substr(at, end - at);
}

/// Handles the backslash at `at` and moves behind what it read.
void append_command(std::string& out, const std::string& text, std::size_t& at) {
  if (at + 1 >= text.size()) {
    ++at;
    return;
  }
  const char next = text[at + 1];
  if (next == '\\') {  // "\\frac" is a doubled escape, "\\" alone a new row
    const bool escape = at + 2 < text.size() && is_alpha(text[at + 2]);
    if (!escape) out += "\\\\ ";
    at += escape ? 1 : 2;
    return;
  }
  if (!is_alpha(next)) {
    if (next == '{' || next == '}') out += std::string{'\\', next};
    if (next == '%') out += '%';
    if (next == ' ' || next == ':' || next == ';') out += ' ';
    at += 2;
    return;
  }
  std::string name = command_name(text, at + 1);
  at += 1 + name.size();
  if (name.rfind("quad", 0) == 0 && name.size() > 4) {  // "\quadx": the macro ran into a word
    at -= name.size() - 4;
    name = "quad";
  }
  const auto found = command_table().find(name);
  out += found != command_table().end() ? found->second : "\\" + name + " ";
}

/// Commas that TeX writes inside one number: "{,}" and ",\!".
std::string join_thousands(std::string text) {
  for (const std::string_view mark : {"{,}", "\\!"}) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      if (text.compare(at, mark.size(), mark) != 0) {
        out += text[at++];
        continue;
      }
      at += mark.size();
      if (mark == "{,}") out += ',';
      while (mark == "\\!" && at < text.size() && text[at] == ' ') ++at;
    }
    text = std::move(out);
  }
  return text;
}

std::size_t matching_brace(const std::string& text, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) return at;
  }
  return text.size();
}

bool is_text_command(const std::string& name) {
  static const std::unordered_set<std::string> names{
      "text", "textbf", "textit", "textnormal", "mbox", "mathrm", "operatorname", "mathit", "hbox"};
  return names.count(name) > 0;
}

/// Digits with "," before groups of exactly three (outside brackets) and at most one point.
Token read_number(const std::string& text, std::size_t& at, bool thousands) {
  Token token{TokenKind::Number, {}, false};
  const auto group_follows = [&](std::size_t comma) {
    for (std::size_t k = 1; k <= 3; ++k)
      if (comma + k >= text.size() || !is_digit(text[comma + k])) return false;
    return comma + 4 >= text.size() || !is_digit(text[comma + 4]);
  };
  std::size_t first_group = 0;
  bool separators = thousands;
  while (at < text.size()) {
    if (is_digit(text[at])) {
      token.text += text[at++];
      ++first_group;
    } else if (separators && text[at] == ',' && first_group >= 1 && first_group <= 3 &&
               token.text[0] != '0' && group_follows(at)) {
      ++at;
      first_group = 0;
    } else if (text[at] == '.' && token.text.find('.') == std::string::npos &&
               at + 1 < text.size() && is_digit(text[at + 1])) {
      token.text += text[at++];
      separators = false;
    } else {
      break;
    }
  }
  return token;
}

class Tokeniser {
 public:
  explicit Tokeniser(const std::string& text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (std::isspace(static_cast<unsigned char>(c)) != 0) {
        space_ = true;
        ++at_;
      } else if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
        add(read_number(text_, at_, depth_ == 0));
      } else if (is_alpha(c) || static_cast<unsigned char>(c) >= 0x80) {
        read_word();
      } else if (c == '\\') {
        read_command();
      } else {
        read_sign();
      }
    }
    add({TokenKind::End, {}, false});
    return std::move(tokens_);
  }

 private:
  void add(Token token) {
    token.space_before = std::exchange(space_, false);
    tokens_.push_back(std::move(token));
  }

  void read_word() {
    std::string word;
    while (at_ < text_.size() &&
           (is_alpha(text_[at_]) || static_cast<unsigned char>(text_[at_]) >= 0x80))
      word += text_[at_++];
    add({TokenKind::Word, std::move(word), false});
  }

  void read_command() {
    if (at_ + 1 < text_.size() && !is_alpha(text_[at_ + 1])) {
      const std::string sign = text_.substr(at_, 2);
      at_ += 2;
      add({TokenKind::Command, sign, false});
      depth_ += sign == "\\{" ? 1 : sign == "\\}" ? -1 : 0;
      return;
    }
    const std::string name = command_name(text_, at_ + 1);
    at_ += 1 + name.size();
    std::size_t open = at_;
    while (open < text_.size() && text_[open] == ' ') ++open;
    const bool braced = open < text_.size() && text_[open] == '{';
    if (is_text_command(name) && braced) {
      const std::size_t close = matching_brace(text_, open);
      add({TokenKind::Text, data::trim(text_.substr(open + 1, close - open - 1)), false});
      at_ = close + 1;
    } else if ((name == "begin" || name == "end") && braced) {
      at_ = matching_brace(text_, open) + 1;
      depth_ += name == "begin" ? 1 : -1;
      // The column specification of an array.
      if (name == "begin" && at_ < text_.size() && text_[at_] == '{')
        at_ = matching_brace(text_, at_) + 1;
      add({TokenKind::Command, "\\" + name, false});
    } else {
      add({TokenKind::Command, "\\" + name, false});
    }
  }

  void read_sign() {
    const char c = text_[at_++];
    if (c == '(' || c == '[') ++depth_;
    if (c == ')' || c == ']') --depth_;
    std::string sign(1, c);
    const char next = at_ < text_.size() ? text_[at_] : ' ';
    if ((c == '<' || c == '>' || c == '!') && next == '=') {
      sign += next;
      ++at_;
    }
    if (c == '*' && next == '*') {
      sign = "^";
      ++at_;
    }
    add({TokenKind::Sign, std::move(sign), false});
  }

  const std::string& text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool space_ = false;
};

}  // namespace

std::string normalise(std::string_view text) {
  const std::string ascii = join_thousands(to_ascii(text));
  std::string out;
  for (std::size_t at = 0; at < ascii.size();) {
    if (ascii[at] == '\\' && at + 1 < ascii.size() && ascii[at + 1] == '$') {
      at += 2;
    } else if (ascii[at] == '\\') {
      append_command(out, ascii, at);
    } else if (ascii[at] == '$' || ascii[at] == '~') {
      if (ascii[at] == '~') out += ' ';
      ++at;
    } else {
      out += ascii[at++];
    }
  }
  out = data::trim(out);
  while (!out.empty() && (out.back() == '.' || out.back() == ',' || out.back() == ';'))
    out = data::trim(std::string_view(out).substr(0, out.size() - 1));
  return out;
}

std::string plain_text(std::string_view text) {
  const auto tokens = tokenise(normalise(text));
  // Braces carry meaning beside commands and exponents: \\frac{1}{23} is not \\frac{12}{3}.
  bool structure = false;
  for (const Token& token : tokens)
    structure |= token.kind == TokenKind::Command || token.text == "^" || token.text == "_";
  std::string out;
  for (const Token& token : tokens) {
    const bool brace = token.text == "{" || token.text == "}";
    if ((brace && !structure) || token.text == "." || token.text == "\"") continue;
    for (const char c : data::lower_ascii(token.text))
      if (c != ' ') out += c;
  }
  if (out.size() == 3 && out.front() == '(' && out.back() == ')') return out.substr(1, 1);
  return out;
}

std::vector<Token> tokenise(const std::string& normalised) {
  return Tokeniser(normalised).run();
}

}  // namespace r1::rewards::maths
