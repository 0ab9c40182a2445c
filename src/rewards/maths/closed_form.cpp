#include "rewards/maths/closed_form.h"

#include <cmath>
#include <string>
#include <unordered_map>

#include "rewards/maths/calcium.h"
#include "rewards/maths/evaluate.h"

namespace r1::rewards::maths {
namespace {

constexpr int kLargestTree = 48;
constexpr int kMostRoots = 5;
constexpr std::size_t kLargestNumber = 64;  // bits
constexpr long kSteps = 10'000;

/// A context that is made anew after some uses, since it keeps every number it has met.
class Context {
 public:
  Context() { start(); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { ca_ctx_clear(context_); }

  ca_ctx_struct* get() {
    constexpr int kUses = 32;
    if (++uses_ > kUses) {
      ca_ctx_clear(context_);
      start();
    }
    return context_;
  }

 private:
  void start() {
    ca_ctx_init(context_);
    ca_ctx_set_option(context_, CA_OPT_PREC_LIMIT, 1024);
    ca_ctx_set_option(context_, CA_OPT_QQBAR_DEG_LIMIT, 24);
    ca_ctx_set_option(context_, CA_OPT_POW_LIMIT, 12);
    ca_ctx_set_option(context_, CA_OPT_GROEBNER_LENGTH_LIMIT, 20);
    uses_ = 0;
  }

  ca_ctx_t context_;
  int uses_ = 0;
};

/// An owned ca_t of one context.
class Number {
 public:
  explicit Number(ca_ctx_struct* context) : context_(context) { ca_init(value_, context_); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  ~Number() { ca_clear(value_, context_); }
  ca_struct* get() { return value_; }

 private:
  ca_ctx_struct* context_;
  ca_t value_;
};

using Function = void (*)(ca_t, const ca_t, ca_ctx_t);

const std::unordered_map<std::string, Function>& functions() {
  static const std::unordered_map<std::string, Function> table{
      {"sqrt", ca_sqrt},
      {"ln", ca_log},
      {"log", ca_log},
      {"exp", ca_exp},
      {"arctan", [](ca_t out, const ca_t x, ca_ctx_t c) { ca_atan(out, x, c); }},
      {"arcsin", ca_asin},
      {"arccos", ca_acos},
      {"tan", [](ca_t out, const ca_t x, ca_ctx_t c) { ca_tan(out, x, c); }},
      {"cot", [](ca_t out, const ca_t x, ca_ctx_t c) { ca_cot(out, x, c); }},
      {"sin", [](ca_t out, const ca_t x, ca_ctx_t c) { ca_sin_cos(out, nullptr, x, c); }},
      {"cos", [](ca_t out, const ca_t x, ca_ctx_t c) { ca_sin_cos(nullptr, out, x, c); }},
      {"abs", ca_abs}};
  return table;
}

/// Whether a tree is small enough for a computation whose time nobody bounds.
class Size {
 public:
  bool fits(const Node& node) {
    if (++nodes_ > kLargestTree) return false;
    if (node.kind == Kind::Power || (node.kind == Kind::Call && node.text == "sqrt")) ++roots_;
    if (roots_ > kMostRoots) return false;
    if (node.kind == Kind::Number && node.text.size() > kLargestNumber / 4) return false;
    for (const Node& child : node.children)
      if (!fits(child)) return false;
    return true;
  }

 private:
  int nodes_ = 0;
  int roots_ = 0;
};

class Builder {
 public:
  Builder(ca_ctx_struct* context, const Limits& limits) : context_(context), limits_(limits) {}

  /// False when the tree holds something else.
  bool build(const Node& node, Number& out) {
    switch (node.kind) {
      case Kind::Symbol:
        return symbol(node.text, out);
      case Kind::Add:
      case Kind::Multiply:
        return fold(node, out);
      case Kind::Negate:
        if (!build(node.children[0], out)) return false;
        ca_neg(out.get(), out.get(), context_);
        return true;
      case Kind::Divide:
        return two(node, out, ca_div);
      case Kind::Power:
        return power(node, out);
      case Kind::Call:
        return call(node, out);
      default:
        return rational(node, out);
    }
  }

 private:
  bool symbol(const std::string& name, Number& out) {
    if (name == "\\pi") {
      ca_pi(out.get(), context_);
    } else if (name == "e") {
      ca_one(out.get(), context_);
      ca_exp(out.get(), out.get(), context_);
    } else if (name == "i") {
      ca_i(out.get(), context_);
    } else {
      return false;
    }
    return true;
  }

  bool rational(const Node& node, Number& out) {
    const Value x = evaluate(node, {}, limits_);
    if (x.state != Value::State::Exact || x.exact.bits() > kLargestNumber) return false;
    ca_set_fmpq(out.get(), x.exact.get(), context_);
    return true;
  }

  bool fold(const Node& node, Number& out) {
    if (!build(node.children[0], out)) return false;
    for (std::size_t k = 1; k < node.children.size(); ++k) {
      Number next(context_);
      if (!build(node.children[k], next)) return false;
      const auto combine = node.kind == Kind::Add ? ca_add : ca_mul;
      combine(out.get(), out.get(), next.get(), context_);
    }
    return true;
  }

  template <class Combine>
  bool two(const Node& node, Number& out, Combine combine) {
    Number second(context_);
    if (!build(node.children[0], out) || !build(node.children[1], second)) return false;
    combine(out.get(), out.get(), second.get(), context_);
    return true;
  }

  /// Odd roots of negative numbers are real in an answer and complex in Calcium: left undecided.
  bool power(const Node& node, Number& out) {
    if (node.children[0] == Node{Kind::Symbol, "e", {}}) {
      Number exponent(context_);
      if (!build(node.children[1], exponent)) return false;
      ca_exp(out.get(), exponent.get(), context_);
      return true;
    }
    const Value base = evaluate(node.children[0], {}, limits_);
    const Value exponent = evaluate(node.children[1], {}, limits_);
    if (!base.known() || !exponent.known()) return false;
    const bool root = exponent.state == Value::State::Exact && !exponent.exact.is_integer();
    if (root && base.number.real() < 0.0) return false;
    constexpr double kLargestExponent = 64.0;
    if (std::abs(exponent.number) > kLargestExponent) return false;
    return two(node, out, ca_pow);
  }

  bool call(const Node& node, Number& out) {
    if (node.text == "log_base") {
      Number base(context_);
      if (!build(node.children[0], base) || !build(node.children[1], out)) return false;
      ca_log(base.get(), base.get(), context_);
      ca_log(out.get(), out.get(), context_);
      ca_div(out.get(), out.get(), base.get(), context_);
      return true;
    }
    const auto found = functions().find(node.text);
    if (found == functions().end() || node.children.size() != 1) return rational(node, out);
    if (!build(node.children[0], out)) return false;
    Number result(context_);
    found->second(result.get(), out.get(), context_);
    ca_swap(out.get(), result.get(), context_);
    return true;
  }

  ca_ctx_struct* context_;
  const Limits& limits_;
};

}  // namespace

Answer compare_closed_forms(const Node& a, const Node& b, Budget& budget) {
  Size size;
  if (!size.fits(a) || !size.fits(b) || !budget.spend(kSteps)) return Answer::Unknown;
  thread_local Context context;
  ca_ctx_struct* ca = context.get();
  Number x(ca);
  Number y(ca);
  Builder builder(ca, budget.limits());
  if (!builder.build(a, x) || !builder.build(b, y)) return Answer::Unknown;
  switch (ca_check_equal(x.get(), y.get(), ca)) {
    case T_TRUE:
      return ca_check_is_number(x.get(), ca) == T_TRUE ? Answer::Equal : Answer::Unknown;
    case T_FALSE:
      return Answer::Different;
    case T_UNKNOWN:
      break;
  }
  return Answer::Unknown;
}

}  // namespace r1::rewards::maths
