#include "jinja/parser.h"

#include <algorithm>

#include "jinja/expression_parser.h"

namespace r1::jinja {
namespace {

constexpr int kMaxNesting = 50;  // blocks inside each other

class Parser {
 public:
  Parser(std::string_view source, std::string_view origin)
      : tokens_(tokenize(source, origin), origin), expressions_(tokens_) {}

  Body run() {
    Body body = statements({});
    if (!tokens_.is(TokenKind::End))
      tokens_.fail(fmt::format("unexpected tag '{}'", tokens_.next().text));
    return body;
  }

 private:
  using Names = std::vector<std::string_view>;

  /// Everything up to the tag of one of the names, whose "{%" is current then, or to the end.
  Body statements(const Names& ends) {
    if (++nesting_ > kMaxNesting) tokens_.fail("blocks are nested too deeply");
    Body body;
    while (!tokens_.is(TokenKind::End)) {
      if (tokens_.is(TokenKind::BlockBegin)) {
        const std::string& name = tokens_.next().text;
        if (std::find(ends.begin(), ends.end(), name) != ends.end()) break;
        if (name.starts_with("end") || name == "else" || name == "elif") {
          if (!ends.empty())
            tokens_.fail(fmt::format("expected tag '{}', found '{}'", ends.back(), name));
          break;
        }
        body.push_back(statement());
      } else if (tokens_.is(TokenKind::PrintBegin)) {
        auto node = make(NodeKind::Print);
        tokens_.take();
        node->expr = expressions_.tuple(true);
        tokens_.expect(TokenKind::PrintEnd, "'}}'");
        body.push_back(std::move(node));
      } else {
        auto node = make(NodeKind::Text);
        node->text = tokens_.take().text;
        body.push_back(std::move(node));
      }
    }
    --nesting_;
    return body;
  }

  std::unique_ptr<Node> make(NodeKind kind) const {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->line = tokens_.current().line;
    return node;
  }

  std::string begin_tag() {
    tokens_.expect(TokenKind::BlockBegin, "a tag");
    return tokens_.expect(TokenKind::Name, "the name of a tag").text;
  }
  void end_tag() { tokens_.expect(TokenKind::BlockEnd, "'%}'"); }

  /// A body and its closing tag.
  Body body_until(std::string_view end) {
    end_tag();
    Body body = statements({end});
    if (tokens_.is(TokenKind::End)) tokens_.fail(fmt::format("expected tag '{}', found none", end));
    begin_tag();
    if (end == "endmacro" && tokens_.is(TokenKind::Name)) tokens_.take();
    end_tag();
    return body;
  }

  std::unique_ptr<Node> statement() {
    const std::string name = tokens_.next().text;
    if (name == "if") return if_statement();
    if (name == "for") return for_statement();
    if (name == "set") return set_statement();
    if (name == "macro") return macro();
    if (name == "call") return call_block();
    if (name == "filter") return filter_block();
    if (name == "with") return with_block();
    if (name == "generation") {
      auto node = make(NodeKind::Generation);
      begin_tag();
      node->body = body_until("endgeneration");
      return node;
    }
    if (name == "break" || name == "continue") {
      if (num_loops_ == 0) tokens_.fail(fmt::format("'{}' is outside of a loop", name));
      auto node = make(name == "break" ? NodeKind::Break : NodeKind::Continue);
      begin_tag();
      end_tag();
      return node;
    }
    tokens_.fail(fmt::format("the tag '{}' is not supported", name));
  }

  std::unique_ptr<Node> if_statement() {
    auto node = make(NodeKind::If);
    std::string name = begin_tag();
    while (name != "endif") {
      if (tokens_.is(TokenKind::End)) tokens_.fail("expected tag 'endif', found none");
      const bool is_else = name == "else";
      ExprPtr condition = is_else ? nullptr : expressions_.tuple(false);
      end_tag();
      Body body = is_else ? statements({"endif"}) : statements({"elif", "else", "endif"});
      if (is_else)
        node->otherwise = std::move(body);
      else
        node->branches.push_back({std::move(condition), std::move(body)});
      name = begin_tag();
    }
    end_tag();
    return node;
  }

  std::unique_ptr<Node> for_statement() {
    auto node = make(NodeKind::For);
    begin_tag();
    node->target = target(false);
    if (!tokens_.skip_name("in"))
      tokens_.fail(fmt::format("expected 'in', found {}", tokens_.found()));
    node->expr = expressions_.tuple(false);
    if (tokens_.skip_name("if")) node->condition = expressions_.expression();
    if (tokens_.is_name("recursive")) tokens_.fail("a recursive loop is not supported");
    end_tag();
    ++num_loops_;
    node->body = statements({"else", "endfor"});
    --num_loops_;
    if (begin_tag() == "else") {
      end_tag();
      node->otherwise = statements({"endfor"});
      begin_tag();
    }
    end_tag();
    return node;
  }

  std::unique_ptr<Node> set_statement() {
    auto node = make(NodeKind::Set);
    begin_tag();
    node->target = target(true);
    if (tokens_.skip_operator("=")) {
      node->expr = expressions_.tuple(true);
      end_tag();
      return node;
    }
    node->kind = NodeKind::SetBlock;
    if (tokens_.skip_operator("|")) node->expr = expressions_.filters(block_text(), true);
    node->body = body_until("endset");
    return node;
  }

  ExprPtr block_text() const {
    auto name = std::make_unique<Expr>();
    name->kind = ExprKind::Name;
    name->line = tokens_.current().line;
    name->name = kBlockText;
    return name;
  }

  Target single_target(bool with_attributes) {
    if (tokens_.skip_operator("(")) {
      Target inner = target(with_attributes);
      tokens_.expect_operator(")");
      return inner;
    }
    Target made;
    made.name = tokens_.expect(TokenKind::Name, "a name").text;
    if (with_attributes && tokens_.skip_operator("."))
      made.attribute = tokens_.expect(TokenKind::Name, "the name of an attribute").text;
    return made;
  }

  Target target(bool with_attributes) {
    if (++nesting_ > kMaxNesting) tokens_.fail("names are nested too deeply");
    Target first = single_target(with_attributes);
    Target made;
    if (tokens_.is_operator(",")) {
      made.parts.push_back(std::move(first));
      while (tokens_.skip_operator(",") && !tokens_.is_name("in") && !tokens_.is_operator("=") &&
             !tokens_.is_operator(")"))
        made.parts.push_back(single_target(with_attributes));
    } else {
      made = std::move(first);
    }
    --nesting_;
    return made;
  }

  std::vector<Parameter> parameters() {
    std::vector<Parameter> made;
    tokens_.expect_operator("(");
    while (!tokens_.is_operator(")")) {
      if (!made.empty()) tokens_.expect_operator(",");
      Parameter parameter;
      parameter.name = tokens_.expect(TokenKind::Name, "the name of a parameter").text;
      if (tokens_.skip_operator("="))
        parameter.default_value = expressions_.expression();
      else if (!made.empty() && made.back().default_value)
        tokens_.fail("a parameter without a default follows one with a default");
      made.push_back(std::move(parameter));
    }
    tokens_.expect_operator(")");
    return made;
  }

  /// The body of a macro: loops around it are no loops of its own.
  Body macro_body(std::string_view end) {
    const int outer = std::exchange(num_loops_, 0);
    Body body = body_until(end);
    num_loops_ = outer;
    return body;
  }

  std::unique_ptr<Node> macro() {
    auto node = make(NodeKind::Macro);
    begin_tag();
    node->text = tokens_.expect(TokenKind::Name, "the name of a macro").text;
    node->parameters = parameters();
    node->body = macro_body("endmacro");
    return node;
  }

  std::unique_ptr<Node> call_block() {
    auto node = make(NodeKind::CallBlock);
    begin_tag();
    if (tokens_.is_operator("(")) node->parameters = parameters();
    node->expr = expressions_.expression();
    if (node->expr->kind != ExprKind::Call) tokens_.fail("'call' expects a call");
    node->body = macro_body("endcall");
    return node;
  }

  std::unique_ptr<Node> filter_block() {
    auto node = make(NodeKind::Filter);
    begin_tag();
    node->expr = expressions_.filters(block_text(), true);
    node->body = body_until("endfilter");
    return node;
  }

  std::unique_ptr<Node> with_block() {
    auto node = make(NodeKind::With);
    begin_tag();
    while (!tokens_.is(TokenKind::BlockEnd)) {
      if (!node->assignments.empty()) tokens_.expect_operator(",");
      Target to = single_target(false);
      tokens_.expect_operator("=");
      node->assignments.emplace_back(std::move(to), expressions_.expression());
    }
    node->body = body_until("endwith");
    return node;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  int nesting_ = 0;
  int num_loops_ = 0;
};

}  // namespace

Body parse(std::string_view source, std::string_view origin) {
  return Parser(source, origin).run();
}

}  // namespace r1::jinja
