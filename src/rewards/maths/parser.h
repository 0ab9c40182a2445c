#pragma once
// The parser behind parse.h: precedence climbing over tokens, one function per precedence level. A
// text that is not maths, or too large, throws Unreadable.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rewards/maths/node.h"
#include "rewards/maths/normalise.h"

namespace r1::rewards::maths {

struct Unreadable {
  bool limit = false;
};

class Parser {
 public:
  Parser(std::vector<Token> tokens, const Limits& limits)
      : tokens_(std::move(tokens)), limits_(limits) {}

  Node run();
  /// The first known unit, in the spelling of read_unit.
  const std::string& unit() const { return unit_; }

 private:
  // Tokens
  const Token& peek(std::size_t ahead = 0) const;
  Token take();
  bool next_is(std::string_view text) const;
  bool accept(std::string_view text);
  void expect(std::string_view text);
  bool is_word(std::size_t ahead = 0) const;

  /// Makes a node of the tree and counts it against the limit.
  Node node(Kind kind, std::string text, std::vector<Node> children = {});

  struct Depth {
    explicit Depth(Parser& parser);
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --parser_.depth_; }
    Parser& parser_;
  };

  // Lists and relations (parse.cpp)
  bool is_separator_word(std::size_t ahead = 0) const;
  std::string accept_separator();
  Node list();
  std::string accept_relation();
  static bool holds_reservation(const Node& node);
  Node relation();
  Node sides();
  Node right_side();
  Node chain(Node low, const std::string& first, Node middle, const std::string& second);
  bool accept_ratio_word();
  Node ratio();
  void read_words(std::string& text);
  std::string with_hyphen(std::string word);

  // Units (parse_units.cpp)
  struct UnitRun {
    std::string text;       // text of the tokens, for read_unit (units.h)
    std::size_t count = 0;  // number of the tokens
  };
  UnitRun unit_run(std::size_t ahead = 0) const;
  bool ends_value(std::size_t ahead) const;
  bool is_bare_unit() const;
  bool is_unit(const Token& token, const Node& left) const;
  bool starts_unit(const Node& left) const;
  bool starts_unit_fraction() const;
  void skip_unit(const Node& value);
  void skip_words(const std::string& lead);

  // Arithmetic (parse_terms.cpp)
  Node sum();
  Node term();
  Node signed_term();
  Node signed_power();
  bool starts_factor(const Node& left) const;
  bool is_mixed(const Node& left) const;
  bool is_times_word() const;
  Node implicit_product(Node left);
  Node power();
  Node exponent();
  Node postfix(Node value);
  Node factorial(Node value);
  bool starts_short_choose(const Node& above) const;
  bool accept_base_word();
  bool is_percent_word() const;
  bool is_degree_word() const;

  // Repeating decimals (parse_repeating.cpp)
  bool starts_repetition(const Node& value) const;
  Node repeating(const Node& value);
  Node with_period(const Node& value, const std::string& period);
  Node cut_period(const std::string& decimal, std::size_t period, std::size_t times);
  Node going_on(const std::string& decimal);
  Node in_words(const std::string& decimal);

  // Leaves (parse_leaves.cpp)
  Node primary();
  Node number(const std::string& digits);
  Node text(const std::string& content);
  Node word(const std::string& word);
  Node symbol(const std::string& name);
  bool starts_choose() const;
  Node choose_prefix();
  Node subscript(std::string name);
  Node command(const std::string& name);
  Node root();
  Node argument(bool one_digit);
  Node operand();
  Node call(const std::string& function);
  Node call_argument();
  bool starts_function() const;
  Node opaque(const std::string& name);

  // Brackets (parse_brackets.cpp)
  Node bracket(const std::string& open);
  Node enclosed(const std::string& function, std::string_view close);
  Node closed_by(std::string_view close, const std::string& brackets);
  Node parenthesis(const std::string& open);
  bool starts_set_builder() const;
  Node set_builder();
  Node angle_brackets();
  Node matrix();
  Node system();

  std::vector<Token> tokens_;
  Limits limits_;
  std::string unit_;
  std::size_t at_ = 0;
  int nodes_ = 0;
  int depth_ = 0;
};

}  // namespace r1::rewards::maths
