#include "config/toml_nesting.h"

#include <fmt/format.h>

#include <cctype>
#include <string>

namespace r1::config {
namespace {

/// Walks over a text from token to token.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  std::optional<UnbearableLine> first_unbearable_line() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_text(c);
        continue;
      }
      if (c == '[' && !in_value_ && open_ == 0 && !names_a_table())
        return UnbearableLine{line_, "expected the name of a table behind '['"};
      if (c == '#')
        skip_comment();
      else
        count(c);
      if (dots_ > kMaxNesting || open_ > kMaxNesting)
        return UnbearableLine{line_,
                              fmt::format("expected tables nested at most {} deep", kMaxNesting)};
      if (c == '=' || (c == '\n' && open_ == 0)) in_value_ = c == '=';
      ++at_;
    }
    return std::nullopt;
  }

 private:
  /// Of the bracket at hand. An empty name, or none before the file ends, is an error of the
  /// parser's.
  bool names_a_table() const {
    auto at = at_ + 1;
    if (at < text_.size() && text_[at] == '[') ++at;
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
    if (at == text_.size()) return true;
    const auto c = static_cast<unsigned char>(text_[at]);
    return (c < 0x80 && std::isalnum(c) != 0) ||
           std::string_view("_-\"'][").find(text_[at]) != std::string_view::npos;
  }

  void count(char c) {
    if (c == '.') {
      ++dots_;
    } else if (c == '[' || c == '{') {
      ++open_;
      dots_ = 0;
    } else if (c == ']' || c == '}') {
      --open_;
      dots_ = 0;
    } else if (c == '=' || c == ',') {
      dots_ = 0;
    } else if (c == '\n') {
      ++line_;
      dots_ = 0;
    }
  }

  // Leaves the position before the line's end.
  void skip_comment() {
    while (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
  }

  // Leaves the position behind the closing quotes; a text that is not closed ends with its line, or
  // with the file when it may have several lines.
  void skip_text(char quote) {
    const bool multi_line = text_.substr(at_, 3) == std::string(3, quote);
    at_ += multi_line ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"') {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '\n') ++line_;
        continue;
      }
      if (c == '\n') {
        if (!multi_line) return;
        ++line_;
      }
      if (c != quote) continue;
      if (!multi_line) {
        ++at_;
        return;
      }
      if (text_.substr(at_, 3) != std::string(3, quote)) continue;
      at_ += 3;
      while (at_ < text_.size() && text_[at_] == quote) ++at_;  // quotes that belong to the text
      return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
  bool in_value_ = false;  // behind a key's '='
  int dots_ = 0;           // of the key at hand
  int open_ = 0;           // brackets and braces
};

}  // namespace

std::optional<UnbearableLine> first_unbearable_line(std::string_view text) {
  return Walk(text).first_unbearable_line();
}

}  // namespace r1::config
