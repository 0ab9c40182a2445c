// Rendering of statements (evaluator.h).
#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/evaluator.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace r1::jinja {
namespace {

enum class Flow { Next, Break, Continue };

Flow run(Context& context, const Body& body, Scope& scope, std::string& out);

void add(Context& context, std::string& out, const std::string& text) {
  context.spend(1 + text.size() / 16);
  out += text;
  context.check_text(out.size());
}

/// The `loop` of a for statement.
struct Loop : Object {
  std::vector<Value> items;
  std::size_t at = 0;

  Value attribute(const std::string& name) const override {
    const auto number = [](std::size_t value) { return Value(static_cast<std::int64_t>(value)); };
    if (name == "index") return number(at + 1);
    if (name == "index0") return number(at);
    if (name == "revindex") return number(items.size() - at);
    if (name == "revindex0") return number(items.size() - at - 1);
    if (name == "first") return at == 0;
    if (name == "last") return at + 1 == items.size();
    if (name == "length") return number(items.size());
    if (name == "depth") return number(1);
    if (name == "depth0") return number(0);
    if (name == "previtem" && at > 0) return items[at - 1];
    if (name == "nextitem" && at + 1 < items.size()) return items[at + 1];
    if (name == "cycle") return Value(cycle());
    return Undefined{"'loop." + name + "'"};
  }
  const char* type_name() const override { return "a loop"; }

 private:
  std::shared_ptr<const Function> cycle() const {
    return std::make_shared<const Function>(
        Function{"cycle", [place = at](Call& call) {
                   if (call.values.empty()) call.fail("expected values");
                   return call.values[place % call.values.size()];
                 }});
  }
};

void assign(Context& context, const Target& target, Value value, Scope& scope) {
  if (target.parts.empty() && target.attribute.empty())
    return scope.set(target.name, std::move(value));
  if (target.parts.empty()) {
    const Value* owner = scope.find(target.name);
    auto* names = owner != nullptr && owner->is_object()
                      ? dynamic_cast<Namespace*>(owner->object().get())
                      : nullptr;
    if (names == nullptr)
      context.fail(fmt::format("'{}' is no namespace: its '{}' cannot be set", target.name,
                               target.attribute));
    return names->set(context, target.attribute, std::move(value));
  }
  const auto items = items_of(context, value);
  if (items.size() != target.parts.size())
    context.fail(fmt::format("expected {} values, found {}", target.parts.size(), items.size()));
  for (std::size_t i = 0; i < items.size(); ++i) assign(context, target.parts[i], items[i], scope);
}

/// The items of a loop that its condition lets through.
std::vector<Value> looped_items(Context& context, const Node& node, Scope& scope) {
  std::vector<Value> items = items_of(context, evaluate(context, *node.expr, scope));
  if (!node.condition) return items;
  std::vector<Value> kept;
  for (Value& item : items) {
    Scope inner{&scope, {}};
    assign(context, node.target, item, inner);
    if (is_true(evaluate(context, *node.condition, inner))) kept.push_back(std::move(item));
  }
  return kept;
}

Flow run_for(Context& context, const Node& node, Scope& scope, std::string& out) {
  auto loop = std::make_shared<Loop>();
  loop->items = looped_items(context, node, scope);
  if (loop->items.empty()) {
    Scope inner{&scope, {}};
    return run(context, node.otherwise, inner, out);
  }
  const Value loop_value{std::shared_ptr<Object>(loop)};
  for (loop->at = 0; loop->at < loop->items.size(); ++loop->at) {
    context.line = node.line;
    Scope inner{&scope, {}};
    inner.set("loop", loop_value);
    assign(context, node.target, loop->items[loop->at], inner);
    if (run(context, node.body, inner, out) == Flow::Break) break;
  }
  return Flow::Next;
}

/// Calls the body of a macro or call block with the arguments of a call.
Value run_macro(Call& call, const Node& node, Scope& defined_in) {
  const Level level(call.context);
  Scope scope{&defined_in, {}};
  if (call.values.size() > node.parameters.size())
    call.fail(fmt::format("expected at most {} arguments, found {}", node.parameters.size(),
                          call.values.size()));
  for (std::size_t i = 0; i < node.parameters.size(); ++i) {
    const Parameter& parameter = node.parameters[i];
    const auto named =
        std::find_if(call.named.begin(), call.named.end(),
                     [&parameter](const auto& one) { return one.first == parameter.name; });
    Value value = Undefined{"parameter '" + parameter.name + "'"};
    if (i < call.values.size()) {
      if (named != call.named.end())
        call.fail(fmt::format("argument '{}' comes twice", named->first));
      value = call.values[i];
    } else if (named != call.named.end()) {
      value = named->second;
    } else if (parameter.default_value) {
      value = evaluate(call.context, *parameter.default_value, scope);
    }
    scope.set(parameter.name, std::move(value));
  }
  for (const auto& [name, value] : call.named) {
    const bool known =
        std::any_of(node.parameters.begin(), node.parameters.end(),
                    [&name = name](const Parameter& parameter) { return parameter.name == name; });
    if (!known && name != "caller") call.fail(fmt::format("unknown argument '{}'", name));
    if (!known) scope.set(name, value);
  }
  return call.context.text(render_body(call.context, node.body, scope));
}

/// A macro lives no longer than the scope that it is defined in: no list or namespace can hold one.
Value macro(const Node& node, const std::string& name, Scope& scope) {
  return Value(std::make_shared<const Function>(
      Function{name, [&node, &scope](Call& call) { return run_macro(call, node, scope); }}));
}

void run_call_block(Context& context, const Node& node, Scope& scope, std::string& out) {
  const Expr& callee = *node.expr;
  const Value function = evaluate(context, *callee.parts[0], scope);
  if (!function.is_function()) context.fail("'call' expects a macro");
  Call call{context, function.function().name, {}, {}};
  for (std::size_t i = 1; i < callee.parts.size(); ++i)
    call.values.push_back(evaluate(context, *callee.parts[i], scope));
  for (const auto& [name, argument] : callee.named)
    call.named.emplace_back(name, evaluate(context, *argument, scope));
  call.named.emplace_back("caller", macro(node, "caller", scope));
  add(context, out, to_text(context, function.function().call(call)));
}

/// The body's text through the filters of the node.
std::string filtered_text(Context& context, const Node& node, Scope& scope) {
  Scope inner{&scope, {}};
  std::string text = render_body(context, node.body, inner);
  if (!node.expr) return text;
  Scope filtering{&scope, {}};
  filtering.set(kBlockText, Value(std::move(text)));
  return to_text(context, evaluate(context, *node.expr, filtering));
}

Flow run_if(Context& context, const Node& node, Scope& scope, std::string& out) {
  for (const Branch& branch : node.branches)
    if (is_true(evaluate(context, *branch.condition, scope)))
      return run(context, branch.body, scope, out);
  return run(context, node.otherwise, scope, out);
}

Flow run_with(Context& context, const Node& node, Scope& scope, std::string& out) {
  Scope inner{&scope, {}};
  for (const auto& [target, value] : node.assignments)
    assign(context, target, evaluate(context, *value, scope), inner);
  return run(context, node.body, inner, out);
}

Flow run_generation(Context& context, const Node& node, Scope& scope, std::string& out) {
  Scope inner{&scope, {}};
  const std::size_t begin = context.root->size(), before = out.size();
  const Flow flow = run(context, node.body, inner, out);
  context.generations.emplace_back(begin, begin + out.size() - before);
  return flow;
}

Flow run_node(Context& context, const Node& node, Scope& scope, std::string& out) {
  context.line = node.line;
  context.spend(1);
  switch (node.kind) {
    case NodeKind::Text:
      add(context, out, node.text);
      break;
    case NodeKind::Print:
      add(context, out, to_text(context, evaluate(context, *node.expr, scope)));
      break;
    case NodeKind::If:
      return run_if(context, node, scope, out);
    case NodeKind::For:
      return run_for(context, node, scope, out);
    case NodeKind::Set:
      assign(context, node.target, evaluate(context, *node.expr, scope), scope);
      break;
    case NodeKind::SetBlock:
      assign(context, node.target, Value(filtered_text(context, node, scope)), scope);
      break;
    case NodeKind::Macro:
      scope.set(node.text, macro(node, node.text, scope));
      break;
    case NodeKind::CallBlock:
      run_call_block(context, node, scope, out);
      break;
    case NodeKind::Filter:
      add(context, out, filtered_text(context, node, scope));
      break;
    case NodeKind::With:
      return run_with(context, node, scope, out);
    case NodeKind::Generation:
      return run_generation(context, node, scope, out);
    case NodeKind::Break:
      return Flow::Break;
    case NodeKind::Continue:
      return Flow::Continue;
  }
  return Flow::Next;
}

Flow run(Context& context, const Body& body, Scope& scope, std::string& out) {
  const Level level(context);
  for (const auto& node : body)
    if (const Flow flow = run_node(context, *node, scope, out); flow != Flow::Next) return flow;
  return Flow::Next;
}

}  // namespace

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer)
    for (const auto& entry : scope->names)
      if (entry.first == name) return &entry.second;
  return nullptr;
}

void Scope::set(const std::string& name, Value value) {
  for (auto& entry : names)
    if (entry.first == name) {
      entry.second = std::move(value);
      return;
    }
  names.emplace_back(name, std::move(value));
}

std::string render_body(Context& context, const Body& body, Scope& scope) {
  std::string out;
  if (context.root == nullptr) context.root = &out;
  run(context, body, scope, out);
  return out;
}

}  // namespace r1::jinja
