// Tokens of a normalised text (normalise.h): one linear scan.
#include <algorithm>
#include <cctype>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "data/text.h"
#include "rewards/maths/normalise.h"

namespace r1::rewards::maths {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string command_name(const std::string& text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_alpha(text[end])) ++end;
  return text.substr(at, end - at);
}

std::size_t matching_brace(const std::string& text, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) return at;
  }
  return text.size();
}

/// Environments that set a formula, not a matrix.
bool is_display(const std::string& environment) {
  static const std::unordered_set<std::string> names{"equation", "equation*", "align",  "align*",
                                                     "aligned",  "gather",    "gather*"};
  return names.count(environment) > 0;
}

bool is_text_command(const std::string& name) {
  static const std::unordered_set<std::string> names{
      "text",   "textbf", "textit", "textnormal", "mbox",   "mathrm", "operatorname",
      "mathit", "hbox",   "textrm", "textsf",     "texttt", "emph"};
  return names.count(name) > 0;
}

std::string macro(const std::string& name) {
  std::string out(1, '\\');
  return out.append(name);
}

/// "e3", "E-12" behind a mantissa; "2e" and "2ex" are products.
void append_exponent(const std::string& text, std::size_t& at, std::string& number) {
  if (at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return;
  std::size_t end = at + 1;
  if (end < text.size() && (text[end] == '-' || text[end] == '+')) ++end;
  const std::size_t digits = end;
  while (end < text.size() && is_digit(text[end])) ++end;
  constexpr std::size_t kMostDigits = 6;
  if (end == digits || end - digits > kMostDigits || (end < text.size() && is_alpha(text[end])))
    return;
  number += 'e';
  number.append(text, at + 1, end - at - 1);
  at = end;
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
  append_exponent(text, at, token.text);
  return token;
}

/// "24 apples".
bool is_number_with_words(const std::string& text) {
  const std::size_t space = text.find_first_not_of("0123456789");
  return space != std::string::npos && space > 0 && text[space] == ' ' &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(space), text.end(),
                     [](char c) { return c == ' ' || is_alpha(c); });
}

/// "A, C", ", and": single letters, commas and joining words.
bool is_list_of_names(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string word = command_name(text, at);
    if (word.empty() && text[at] != ' ' && text[at] != ',') return false;
    if (word.size() > 1 && word != "and" && word != "or") return false;
    at += std::max<std::size_t>(word.size(), 1);
  }
  return true;
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
      } else if (read_digits_of_base()) {
        continue;
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

  /// "A3F_{16}": digits and letters before the mark of a base.
  bool read_digits_of_base() {
    const std::size_t end = text_.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", at_);
    if (end == std::string::npos || text_[end] != '_') return false;
    std::string digits = text_.substr(at_, end - at_);
    const bool mixed = std::any_of(digits.begin(), digits.end(), is_digit) &&
                       std::any_of(digits.begin(), digits.end(), is_alpha);
    if (!mixed) return false;
    at_ = end;
    add({TokenKind::Text, std::move(digits), false});
    return true;
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
      add_text(data::trim(text_.substr(open + 1, close - open - 1)));
      at_ = std::min(close + 1, text_.size());
    } else if ((name == "begin" || name == "end") && braced) {
      const std::size_t close = matching_brace(text_, open);
      const std::string environment = text_.substr(open + 1, close - open - 1);
      at_ = std::min(close + 1, text_.size());
      depth_ += name == "begin" ? 1 : -1;
      // The column specification of an array.
      if (name == "begin" && at_ < text_.size() && text_[at_] == '{')
        at_ = std::min(matching_brace(text_, at_) + 1, text_.size());
      if (is_display(environment)) {
        display_ = name == "begin";
        depth_ += display_ ? -1 : 1;
        return;
      }
      const bool determinant = environment == "vmatrix" || environment == "Vmatrix";
      add({TokenKind::Command, determinant ? "\\determinant" : macro(name), false});
    } else {
      add({TokenKind::Command, macro(name), false});
    }
  }

  /// Words; a fraction or list that was written as text is read.
  void add_text(std::string content) {
    const bool fraction = content.find_first_not_of("0123456789/.") == std::string::npos &&
                          content.find('/') != std::string::npos;
    const bool joined = content.find(',') != std::string::npos ||
                        content.find(" and ") != std::string::npos ||
                        content.find(" or ") != std::string::npos;
    const bool list = joined && is_list_of_names(content);
    if (!fraction && !list && !is_number_with_words(content))
      return add({TokenKind::Text, std::move(content), false});
    if (fraction) add({TokenKind::Sign, "{", false});
    for (Token& token : Tokeniser(content).run())
      if (token.kind != TokenKind::End) add(std::move(token));
    if (fraction) add({TokenKind::Sign, "}", false});
  }

  void read_sign() {
    const char c = text_[at_++];
    if (c == '&' && display_) return;
    if (c == '(' || c == '[') ++depth_;
    if (c == ')' || c == ']') --depth_;
    std::string sign(1, c);
    const char next = at_ < text_.size() ? text_[at_] : ' ';
    if ((c == '<' || c == '>' || c == '!') && next == '=') {
      sign += next;
      ++at_;
    }
    if (c == ':' && next == '=') {
      sign = "=";
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
  bool display_ = false;  // inside align and its kin
  bool space_ = false;
};

}  // namespace

std::vector<Token> tokenise(const std::string& normalised) {
  return Tokeniser(normalised).run();
}

}  // namespace r1::rewards::maths
