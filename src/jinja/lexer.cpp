#include "jinja/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/errors.h"
#include "jinja/text.h"

namespace r1::jinja {
namespace {

constexpr std::size_t kMaxSource = std::size_t{1} << 20;
constexpr std::array<std::string_view, 29> kOperators = {
    "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=",
    ".",  ",",  ":",  "|",  "(",  ")",  "[", "]", "{", "}", ";", "!", "&", "@"};

/// With \n as the only line end, and without the one at the very end.
std::string normalised(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  Lexer(std::string_view source, std::string_view origin)
      : text_(normalised(source)), rest_(text_), origin_(origin) {}

  std::vector<Token> run() {
    while (!rest_.empty()) {
      const std::size_t open = next_tag();
      const std::string_view before = rest_.substr(0, open);
      if (open == rest_.size()) {
        add_text(before);
        rest_ = {};
        break;
      }
      const char kind = rest_[open + 1];
      const char sign = open + 2 < rest_.size() ? rest_[open + 2] : '\0';
      const bool signed_tag = sign == '-' || (sign == '+' && kind != '{');
      add_text(kept(before, kind, signed_tag ? sign : '\0'));
      line_ += count_lines(before) - counted_;
      advance(open + 2 + (signed_tag ? 1 : 0));
      if (kind == '#')
        comment();
      else if (kind == '%' && is_raw())
        raw();
      else
        tag(kind);
    }
    tokens_.push_back({TokenKind::End, "", line_});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw base::InputError(fmt::format("{}, line {}: {}", origin_, line_, message));
  }

  std::size_t next_tag() const {
    for (std::size_t at = rest_.find('{'); at != std::string_view::npos;
         at = rest_.find('{', at + 1))
      if (at + 1 < rest_.size() &&
          (rest_[at + 1] == '{' || rest_[at + 1] == '%' || rest_[at + 1] == '#'))
        return at;
    return rest_.size();
  }

  /// What of the text before a tag stays.
  std::string_view kept(std::string_view before, char kind, char sign) const {
    if (sign == '-') return strip(before, Side::Right);
    if (sign == '+' || kind == '{') return before;
    const std::size_t newline = before.rfind('\n');
    const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    const bool begins_line = begin > 0 || line_starting_;
    return begins_line && is_blank(before.substr(begin)) ? before.substr(0, begin) : before;
  }

  static int count_lines(std::string_view text) {
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  void add_text(std::string_view text) {
    counted_ = count_lines(text);
    if (!text.empty()) tokens_.push_back({TokenKind::Text, std::string(text), line_});
    line_ += counted_;
  }

  void advance(std::size_t bytes) { rest_.remove_prefix(bytes); }

  void advance_counting(std::size_t bytes) {
    line_ += count_lines(rest_.substr(0, bytes));
    rest_.remove_prefix(bytes);
  }

  /// After the end of a tag whose sign, if any, is `sign`: white space that goes with it.
  void after_tag(char sign, bool trims_newline) {
    line_starting_ = false;
    std::size_t bytes = 0;
    if (sign == '-')
      bytes = rest_.size() - strip(rest_, Side::Left).size();
    else if (trims_newline && sign != '+' && !rest_.empty() && rest_.front() == '\n')
      bytes = 1;
    line_starting_ = bytes > 0 && rest_[bytes - 1] == '\n';
    advance_counting(bytes);
  }

  void comment() {
    const std::size_t end = rest_.find("#}");
    if (end == std::string_view::npos) fail("a comment has no end");
    const char sign = end > 0 ? rest_[end - 1] : '\0';
    advance_counting(end + 2);
    after_tag(sign, true);
  }

  std::string_view skip_spaces(std::string_view text) const { return strip(text, Side::Left); }

  bool is_raw() const {
    std::string_view text = skip_spaces(rest_);
    if (!text.starts_with("raw")) return false;
    text = skip_spaces(text.substr(3));
    return text.starts_with("%}") || text.starts_with("-%}");
  }

  void raw() {
    std::size_t end = rest_.find("%}");
    const char sign = rest_[end - 1];
    advance_counting(end + 2);
    after_tag(sign, false);
    for (std::size_t open = rest_.find("{%"); open != std::string_view::npos;
         open = rest_.find("{%", open + 2)) {
      std::string_view text = rest_.substr(open + 2);
      const char end_sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? text[0] : '\0';
      text = skip_spaces(text.substr(end_sign != '\0' ? 1 : 0));
      if (!text.starts_with("endraw")) continue;
      text = skip_spaces(text.substr(6));
      const char close_sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? text[0] : '\0';
      if (close_sign != '\0') text.remove_prefix(1);
      if (!text.starts_with("%}")) continue;
      const std::string_view body = rest_.substr(0, open);
      const std::size_t used = rest_.size() - text.size() + 2;
      const std::string_view shown = kept(body, '%', end_sign);
      if (!shown.empty()) tokens_.push_back({TokenKind::Text, std::string(shown), line_});
      advance_counting(used);
      after_tag(close_sign, true);
      return;
    }
    fail("'raw' has no 'endraw'");
  }

  void tag(char kind) {
    const bool is_block = kind == '%';
    const int begin_line = line_;
    tokens_.push_back(
        {is_block ? TokenKind::BlockBegin : TokenKind::PrintBegin, is_block ? "{%" : "{{", line_});
    std::string brackets;  // those that are open
    const std::string_view close = is_block ? "%}" : "}}";
    while (true) {
      advance_counting(rest_.size() - skip_spaces(rest_).size());
      if (rest_.empty()) {
        line_ = begin_line;
        fail(fmt::format("a tag has no end: expected '{}'", close));
      }
      if (brackets.empty()) {
        const bool has_sign = rest_[0] == '-' || (is_block && rest_[0] == '+');
        if (rest_.substr(has_sign ? 1 : 0).starts_with(close)) {
          const char sign = has_sign ? rest_[0] : '\0';
          tokens_.push_back(
              {is_block ? TokenKind::BlockEnd : TokenKind::PrintEnd, std::string(close), line_});
          advance(close.size() + (has_sign ? 1 : 0));
          after_tag(sign, is_block);
          return;
        }
      }
      token(brackets);
    }
  }

  void token(std::string& brackets) {
    const char c = rest_.front();
    if (is_name_start(c)) {
      std::size_t end = 1;
      while (end < rest_.size() && (is_name_start(rest_[end]) || is_digit(rest_[end]))) ++end;
      add(TokenKind::Name, end);
    } else if (is_digit(c)) {
      number();
    } else if (c == '\'' || c == '"') {
      string();
    } else {
      const auto found =
          std::find_if(kOperators.begin(), kOperators.end(),
                       [this](std::string_view sign) { return rest_.starts_with(sign); });
      if (found == kOperators.end()) fail(fmt::format("unexpected character '{}'", c));
      if (const std::string_view opening = "([{"; opening.find(c) != std::string_view::npos)
        brackets += c == '(' ? ')' : c == '[' ? ']' : '}';
      if (c == ')' || c == ']' || c == '}') {
        if (brackets.empty() || brackets.back() != c) fail(fmt::format("unexpected '{}'", c));
        brackets.pop_back();
      }
      add(TokenKind::Operator, found->size());
    }
  }

  void add(TokenKind kind, std::size_t bytes) {
    tokens_.push_back({kind, std::string(rest_.substr(0, bytes)), line_});
    advance(bytes);
  }

  void number() {
    const auto digits = [this](std::size_t at) {
      while (at < rest_.size() && (is_digit(rest_[at]) || rest_[at] == '_')) ++at;
      return at;
    };
    std::size_t end = digits(0);
    bool is_float = false;
    if (end + 1 < rest_.size() && rest_[end] == '.' && is_digit(rest_[end + 1])) {
      is_float = true;
      end = digits(end + 1);
    }
    if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) {
      std::size_t exponent = end + 1;
      if (exponent < rest_.size() && (rest_[exponent] == '+' || rest_[exponent] == '-')) ++exponent;
      if (exponent < rest_.size() && is_digit(rest_[exponent])) {
        is_float = true;
        end = digits(exponent);
      }
    }
    if (end < rest_.size() && is_name_start(rest_[end]))
      fail(fmt::format("expected a decimal number, found '{}'", rest_.substr(0, end + 1)));
    add(is_float ? TokenKind::Float : TokenKind::Integer, end);
    std::erase(tokens_.back().text, '_');
  }

  void string() {
    const char quote = rest_.front();
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) fail("a string has no end");
    tokens_.push_back({TokenKind::String, unescaped(rest_.substr(1, end - 1)), line_});
    advance_counting(end + 1);
  }

  /// Python's escapes; an unknown one stays as it is.
  std::string unescaped(std::string_view literal) const {
    std::string out;
    for (std::size_t i = 0; i < literal.size(); ++i) {
      if (literal[i] != '\\' || i + 1 == literal.size()) {
        out += literal[i];
        continue;
      }
      const char c = literal[++i];
      constexpr std::string_view kFrom = "ntrabfv\\'\"", kTo = "\n\t\r\a\b\f\v\\'\"";
      if (const std::size_t at = kFrom.find(c); at != std::string_view::npos) {
        out += kTo[at];
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const std::size_t size = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        out += utf8(coded(literal.substr(i + 1, size), size, 16));
        i += size;
      } else if (c >= '0' && c <= '7') {
        std::size_t size = 1;
        while (size < 3 && i + size < literal.size() && literal[i + size] >= '0' &&
               literal[i + size] <= '7')
          ++size;
        out += utf8(coded(literal.substr(i, size), size, 8));
        i += size - 1;
      } else if (c != '\n') {
        if (c == 'N') fail("the escape \\N in a string is not supported");
        out += '\\';
        out += c;
      }
    }
    return out;
  }

  char32_t coded(std::string_view digits, std::size_t size, int base) const {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::uint64_t value = 0;
    for (const char digit : digits) {
      const auto at = kDigits.find(static_cast<char>(digit | (digit >= 'A' ? 0x20 : 0)));
      if (at >= static_cast<std::size_t>(base)) fail("a string has an escape without its digits");
      value = value * static_cast<std::uint64_t>(base) + at;
    }
    if (digits.size() < size || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
      fail("a string has an escape that is no character");
    return static_cast<char32_t>(value);
  }

  std::string text_;
  std::string_view rest_;
  std::string_view origin_;
  std::vector<Token> tokens_;
  int line_ = 1;
  int counted_ = 0;            // lines of the last text that was added
  bool line_starting_ = true;  // `rest_` is at the beginning of a line
};

}  // namespace

std::vector<Token> tokenize(std::string_view source, std::string_view origin) {
  if (source.size() > kMaxSource)
    throw base::InputError(
        fmt::format("{}: expected at most {} bytes, found {}", origin, kMaxSource, source.size()));
  return Lexer(source, origin).run();
}

}  // namespace r1::jinja
