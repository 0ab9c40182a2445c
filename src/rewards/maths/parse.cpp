#include "rewards/maths/parse.h"

#include <algorithm>
#include <array>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "data/text.h"
#include "rewards/maths/congruence.h"
#include "rewards/maths/last_side.h"
#include "rewards/maths/number_words.h"
#include "rewards/maths/parser.h"
#include "rewards/maths/shapes.h"
#include "rewards/maths/units.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {
namespace {

/// Degrees outside trigonometric functions are a unit: 90° is 90.
void strip_degrees(Node& node) {
  while (node.kind == Kind::Call && node.text == "degree") {
    Node inside = std::move(node.children[0]);
    node = std::move(inside);
  }
  for (Node& child : node.children) strip_degrees(child);
}

Node bare(Kind kind, std::string text, std::vector<Node> children) {
  return Node{kind, std::move(text), std::move(children)};
}

}  // namespace

Node Parser::run() {
  Node root = list();
  if (accept("\\over")) root = node(Kind::Divide, "", {std::move(root), list()});
  if (peek().kind != TokenKind::End) throw Unreadable{};
  const bool degrees = root.kind == Kind::Call && root.text == "degree";
  if (degrees && unit_.empty()) unit_ = "degree";
  strip_degrees(root);
  return root;
}

const Token& Parser::peek(std::size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

Token Parser::take() {
  return tokens_[at_ < tokens_.size() - 1 ? at_++ : at_];
}

bool Parser::next_is(std::string_view text) const {
  return peek().kind != TokenKind::End && peek().kind != TokenKind::Text && peek().text == text;
}

bool Parser::accept(std::string_view text) {
  if (!next_is(text)) return false;
  take();
  return true;
}

void Parser::expect(std::string_view text) {
  if (!accept(text)) throw Unreadable{};
}

bool Parser::is_word(std::size_t ahead) const {
  const Token& token = peek(ahead);
  return token.kind == TokenKind::Word || token.kind == TokenKind::Text;
}

Node Parser::node(Kind kind, std::string text, std::vector<Node> children) {
  if (++nodes_ > limits_.nodes) throw Unreadable{true};
  return bare(kind, std::move(text), std::move(children));
}

Parser::Depth::Depth(Parser& parser) : parser_(parser) {
  if (++parser_.depth_ > parser_.limits_.nesting) {
    --parser_.depth_;
    throw Unreadable{true};
  }
}

bool Parser::is_separator_word(std::size_t ahead) const {
  const std::string& text = peek(ahead).text;
  static const std::unordered_set<std::string> words{"and",    "or", "or else", "또는", "혹은",
                                                     "그리고", "및", "과",      "와"};
  return is_word(ahead) && words.count(text) > 0;
}

/// The separator taken, "and" before "or" before ","; empty without one.
std::string Parser::accept_separator() {
  std::string separator;
  if (is_separator_word()) {
    const std::string& word = peek().text;
    separator = word[0] == 'a'                                       ? "and"
                : word[0] == 'o' || word == "또는" || word == "혹은" ? "or"
                                                                     : ",";
  } else if (next_is("\\lor") || next_is("\\vee")) {
    separator = "or";
  } else if (next_is("\\land") || next_is("\\wedge")) {
    separator = "and";
  } else if (next_is(",") || next_is(";")) {
    separator = ",";
  } else {
    return {};
  }
  take();
  const std::string second = accept_separator();  // ", and"
  return second.empty() || second == "," ? separator : second;
}

Node Parser::list() {
  std::vector<Node> elements{relation()};
  std::string word = ",";
  for (std::string next = accept_separator(); !next.empty(); next = accept_separator()) {
    if (next != ",") word = next;
    elements.push_back(relation());
  }
  return elements.size() == 1 ? std::move(elements[0])
                              : node(Kind::List, word, std::move(elements));
}

std::string Parser::accept_relation() {
  static constexpr std::array<std::array<std::string_view, 2>, 13> kSigns{{{"=", "="},
                                                                           {"<", "<"},
                                                                           {">", ">"},
                                                                           {"<=", "<="},
                                                                           {">=", ">="},
                                                                           {"\\le", "<="},
                                                                           {"\\ge", ">="},
                                                                           {"\\ne", "!="},
                                                                           {"!=", "!="},
                                                                           {"\\equiv", "="},
                                                                           {"\\to", "="},
                                                                           {"\\mapsto", "="},
                                                                           {"\\in", "in"}}};
  for (const auto& sign : kSigns)
    if (accept(sign[0])) return std::string(sign[1]);
  return {};
}

bool Parser::holds_reservation(const Node& node) {
  if (node.kind == Kind::Text) return is_reservation(node.text);
  return std::any_of(node.children.begin(), node.children.end(), holds_reservation);
}

/// a, a = b, a = b = c (the last counts), a < b < c. In "exact \approx decimal" the exact side
/// counts, in "x \approx 1" the number.
Node Parser::relation() {
  const std::string earlier = std::exchange(unit_, {});
  Node out = sides();
  if (!earlier.empty()) unit_ = earlier;
  return out;
}

Node Parser::sides() {
  if (!accept("=")) accept("\\approx");  // "= 5"
  Node left = ratio();
  if (accept("\\approx")) {
    if (holds_reservation(left)) throw Unreadable{};  // "not about 3"
    Node right = ratio();
    return is_name(left) ? right : left;
  }
  std::string sign = accept_relation();
  if (sign.empty()) return left;
  if (holds_reservation(left)) throw Unreadable{};  // "not x = 3"
  Node right = sign == "=" ? right_side() : ratio();
  std::string next = accept_relation();
  while (sign == "=" && next == "=") {
    right = right_side();
    next = accept_relation();
  }
  if (!next.empty()) return chain(std::move(left), sign, std::move(right), next);
  if (accept("\\approx")) ratio();
  return node(Kind::Relation, sign, {std::move(left), std::move(right)});
}

/// In "5 m = 500 cm" the unit of the right side counts.
Node Parser::right_side() {
  const std::string before = std::exchange(unit_, {});
  Node right = ratio();
  if (unit_.empty()) unit_ = before;
  return right;
}

/// 1 < x < 2 as an interval, 1 < 2x < 2 as two relations.
Node Parser::chain(Node low, const std::string& first, Node middle, const std::string& second) {
  Node high = ratio();
  const bool up = first[0] == '<' && second[0] == '<';
  const bool down = first[0] == '>' && second[0] == '>';
  if (!up && !down) throw Unreadable{};
  std::string open = first;
  std::string close = second;
  if (down) {
    std::swap(low, high);
    std::swap(open, close);
    open[0] = close[0] = '<';
  }
  if (is_name(middle)) {
    const std::string brackets{open.size() == 2 ? '[' : '(', close.size() == 2 ? ']' : ')'};
    return node(Kind::Group, brackets, {std::move(low), std::move(high)});
  }
  Node above = node(Kind::Relation, open, {std::move(low), middle});
  Node below = node(Kind::Relation, close, {std::move(middle), std::move(high)});
  return node(Kind::List, "and", {std::move(above), std::move(below)});
}

/// "3 to 2", "3 대 2".
bool Parser::accept_ratio_word() {
  const bool numbers =
      at_ > 0 && tokens_[at_ - 1].kind == TokenKind::Number && peek(1).kind == TokenKind::Number;
  return numbers && (accept("to") || (is_word() && peek().text == "대" && accept("대")) ||
                     (peek().kind == TokenKind::Text && peek().text == "to" &&
                      take().kind == TokenKind::Text));
}

Node Parser::ratio() {
  std::vector<Node> parts{sum()};
  while (accept(":") || accept_ratio_word()) parts.push_back(sum());
  if (parts.back().kind == Kind::Text) read_words(parts.back().text);
  if (parts.back().kind == Kind::Text && means_all_reals(parts.back().text))
    parts.back() = node(Kind::Symbol, "\\mathbbR");
  skip_unit(parts.back());
  return parts.size() == 1 ? std::move(parts[0]) : node(Kind::Group, ":", std::move(parts));
}

/// Goes on with the words of a text, up to the unit of a number in words: "two hundred and five
/// dollars".
void Parser::read_words(std::string& text) {
  for (;;) {
    const bool number = !number_in_words(text).empty();
    const bool goes_on = number && peek().text == "and" && is_word(1) &&
                         !number_in_words(text + " and " + peek(1).text).empty();
    if (!is_word() || (is_separator_word() && !goes_on)) return;
    if (number && !read_unit(peek().text).empty()) return;
    text += ' ' + with_hyphen(take().text);
  }
}

/// "seventy" with the "-two" that follows it; other words as they are.
std::string Parser::with_hyphen(std::string word) {
  if (!next_is("-") || peek(1).kind != TokenKind::Word) return word;
  const std::string joined = word + '-' + peek(1).text;
  if (number_in_words(joined).empty()) return word;
  at_ += 2;
  return joined;
}

namespace {

/// 1/2/2020 and 2020-01-05 are no fraction and no difference.
bool is_date(std::string_view text) {
  std::string shape;
  for (const char c : text) {
    const char kind = c >= '0' && c <= '9' ? 'd' : c;
    shape += kind;
  }
  static const std::unordered_set<std::string> dates{
      "d/d/dddd",  "dd/d/dddd",  "d/dd/dddd",  "dd/dd/dddd", "dddd/d/d",  "dddd/dd/d",
      "dddd/d/dd", "dddd/dd/dd", "dddd-dd-dd", "dd-dd-dddd", "dddd.dd.dd"};
  return dates.count(shape) > 0;
}

/// The unit that a currency sign in the text as written names; empty: none.
std::string currency_of(std::string_view text) {
  for (const auto& [sign, unit] : {std::pair{"\\$", "dollar"},
                                   {"€", "euro"},
                                   {"\\euro", "euro"},
                                   {"£", "pound"},
                                   {"\\pounds", "pound"},
                                   {"₩", "won"},
                                   {"₹", "rupee"}})
    if (text.find(sign) != text.npos) return unit;
  const std::size_t lone = text.find('$');
  const bool amount = lone != text.npos && text.find('$', lone + 1) == text.npos &&
                      lone + 1 < text.size() && text[lone + 1] >= '0' && text[lone + 1] <= '9';
  return amount ? "dollar" : "";
}

/// All of the text; empty where it cannot be read. Throws: Unreadable at a limit.
std::optional<Node> whole(const std::vector<Token>& tokens, const Limits& limits,
                          std::string& unit) {
  try {
    Parser parser(tokens, limits);
    Node root = parser.run();
    unit = parser.unit();
    return root;
  } catch (const Unreadable& reason) {
    if (reason.limit) throw;
    return {};
  }
}

}  // namespace

ParseResult parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.text_bytes) return {{}, true, {}};
  try {
    const std::string normalised = normalise(text);
    if (is_date(normalised)) return {Node{Kind::Text, normalised, {}}, false, {}};
    const std::vector<Token> tokens = tokenise(normalised);
    std::string unit;
    std::optional<Node> root = whole(tokens, limits, unit);
    if (!root) root = read_congruence(tokens, limits);
    if (!root) root = last_side(tokens, limits, unit);
    return {std::move(root), false, paid_in(currency_of(text), unit)};
  } catch (const Unreadable& reason) {
    return {{}, reason.limit, {}};
  }
}

}  // namespace r1::rewards::maths
