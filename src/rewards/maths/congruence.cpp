#include "rewards/maths/congruence.h"

#include <cstddef>
#include <string>
#include <utility>

#include "data/text.h"
#include "rewards/maths/evaluate.h"
#include "rewards/maths/parser.h"

namespace r1::rewards::maths {
namespace {

bool is_modulo(const Token& token) {
  const std::string name = data::trim(token.text);
  if (token.kind == TokenKind::Command)
    return name == "\\pmod" || name == "\\mod" || name == "\\bmod" || name == "\\pod";
  return (token.kind == TokenKind::Word || token.kind == TokenKind::Text) &&
         (name == "mod" || name == "modulo");
}

Node parsed(const std::vector<Token>& tokens, std::size_t begin, std::size_t end,
            const Limits& limits) {
  std::vector<Token> part(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                          tokens.begin() + static_cast<std::ptrdiff_t>(end));
  part.push_back({TokenKind::End, "", false});
  return Parser(std::move(part), limits).run();
}

}  // namespace

std::optional<Node> read_congruence(const std::vector<Token>& tokens, const Limits& limits) {
  std::size_t size = tokens.size();
  while (size > 0 && tokens[size - 1].kind == TokenKind::End) --size;
  std::size_t modulo = 0;  // the only one
  std::size_t sign = 0;    // behind the last sign that relates two sides
  bool equivalent = false;
  for (std::size_t k = 0; k < size; ++k) {
    if (is_modulo(tokens[k])) {
      if (modulo > 0) return {};
      modulo = k;
    }
    const bool relation = tokens[k].text == "\\equiv" || tokens[k].text == "=";
    if (!relation) continue;
    if (modulo > 0) return {};
    equivalent |= tokens[k].text == "\\equiv";
    sign = k + 1;
  }
  if (modulo == 0 || modulo + 1 >= size) return {};
  if (tokens[modulo].text == "\\bmod" && !equivalent) return {};
  const bool bracket = tokens[modulo - 1].text == "(" && tokens[size - 1].text == ")";
  const std::size_t residue_end = bracket ? modulo - 1 : modulo;
  if (residue_end <= sign) return {};
  Node residue = parsed(tokens, sign, residue_end, limits);
  Node modulus = parsed(tokens, modulo + 1, bracket ? size - 1 : size, limits);
  if (residue.kind == Kind::Relation || residue.kind == Kind::Text) return {};
  return Node{Kind::Call, "congruent", {std::move(residue), std::move(modulus)}};
}

bool is_congruence(const Node& node) {
  return node.kind == Kind::Call && node.text == "congruent";
}

std::optional<bool> same_residue(const Node& a, const Node& b, const Node& modulus,
                                 const Limits& limits) {
  const Value x = evaluate(a, {}, limits);
  const Value y = evaluate(b, {}, limits);
  const Value m = evaluate(modulus, {}, limits);
  for (const Value* value : {&x, &y, &m})
    if (value->state != Value::State::Exact || !value->exact.is_integer()) return {};
  if (m.exact.is_zero()) return {};
  return ((x.exact - y.exact) / m.exact).is_integer();
}

}  // namespace r1::rewards::maths
