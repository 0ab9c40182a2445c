#pragma once
// A cursor over the tokens of a template.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "jinja/lexer.h"

namespace r1::jinja {

class TokenStream {
 public:
  TokenStream(std::vector<Token> tokens, std::string_view origin)
      : tokens_(std::move(tokens)), origin_(origin) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take() {
    const Token token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }

  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is(TokenKind kind, std::string_view text) const {
    return current().kind == kind && current().text == text;
  }
  bool is_operator(std::string_view text) const { return is(TokenKind::Operator, text); }
  bool is_name(std::string_view text) const { return is(TokenKind::Name, text); }

  bool skip_operator(std::string_view text) { return skip(is_operator(text)); }
  bool skip_name(std::string_view text) { return skip(is_name(text)); }

  Token expect(TokenKind kind, std::string_view what) {
    if (!is(kind)) fail(fmt::format("expected {}, found {}", what, found()));
    return take();
  }
  void expect_operator(std::string_view text) {
    if (!skip_operator(text)) fail(fmt::format("expected '{}', found {}", text, found()));
  }

  std::string found() const {
    return is(TokenKind::End) ? "the end of the template" : "'" + current().text + "'";
  }
  [[noreturn]] void fail(const std::string& message) const {
    throw base::InputError(fmt::format("{}, line {}: {}", origin_, current().line, message));
  }

 private:
  bool skip(bool found) {
    if (found) take();
    return found;
  }

  std::vector<Token> tokens_;
  std::string_view origin_;
  std::size_t at_ = 0;
};

}  // namespace r1::jinja
