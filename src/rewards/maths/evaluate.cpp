#include "rewards/maths/evaluate.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <numbers>

#include "rewards/maths/canonical.h"

namespace r1::rewards::maths {
namespace {

using Complex = std::complex<double>;
using State = Value::State;

Value exact(Rational value, const Limits& limits) {
  Value out;
  out.state = value.bits() > limits.value_bits ? State::Limit : State::Exact;
  out.number = value.to_double();
  out.exact = std::move(value);
  return out;
}

Value approximate(Complex value) {
  Value out;
  const bool finite = std::isfinite(value.real()) && std::isfinite(value.imag());
  out.state = finite ? State::Approximate : State::Undefined;
  out.number = value;
  return out;
}

Value failed(State state) {
  Value out;
  out.state = state;
  return out;
}

bool is_constant(const std::string& name) {
  return name == "\\pi" || name == "e" || name == "i";
}

class Evaluator {
 public:
  Evaluator(const SymbolValue& symbol, const Limits& limits) : symbol_(symbol), limits_(limits) {}

  Value value(const Node& node) const {
    switch (node.kind) {
      case Kind::Number:
        return number(node);
      case Kind::Symbol:
        return symbol(node.text);
      case Kind::Add:
      case Kind::Multiply:
        return fold(node);
      case Kind::Negate:
        return combine(exact(Rational(-1), limits_), value(node.children[0]), '*');
      case Kind::Percent:
        return combine(value(node.children[0]), exact(Rational(100), limits_), '/');
      case Kind::Divide:
        return combine(value(node.children[0]), value(node.children[1]), '/');
      case Kind::Power:
        return power(value(node.children[0]), value(node.children[1]));
      case Kind::Call:
        return call(node);
      default:
        return failed(State::Undefined);
    }
  }

 private:
  Value number(const Node& node) const {
    Rational r;
    return r.read_decimal(node.text) ? exact(std::move(r), limits_) : failed(State::Undefined);
  }

  Value symbol(const std::string& name) const {
    if (name == "\\pi") return approximate(std::numbers::pi);
    if (name == "e") return approximate(std::numbers::e);
    if (name == "i") return approximate(Complex(0.0, 1.0));
    if (!is_number_symbol(name)) return failed(State::Undefined);
    return symbol_ ? approximate(symbol_(name)) : failed(State::Undefined);
  }

  Value fold(const Node& node) const {
    Value result = value(node.children[0]);
    for (std::size_t i = 1; i < node.children.size() && result.known(); ++i)
      result = combine(result, value(node.children[i]), node.kind == Kind::Add ? '+' : '*');
    return result;
  }

  Value combine(const Value& a, const Value& b, char sign) const {
    if (!a.known()) return a;
    if (!b.known()) return b;
    if (a.state == State::Exact && b.state == State::Exact) {
      if (sign == '+') return exact(a.exact + b.exact, limits_);
      if (sign == '*') return exact(a.exact * b.exact, limits_);
      return b.exact.is_zero() ? failed(State::Undefined) : exact(a.exact / b.exact, limits_);
    }
    if (sign == '+') return approximate(a.number + b.number);
    return approximate(sign == '*' ? a.number * b.number : a.number / b.number);
  }

  Value power(const Value& base, const Value& exponent) const {
    if (!base.known()) return base;
    if (!exponent.known()) return exponent;
    if (base.state == State::Exact && exponent.state == State::Exact) {
      if (exponent.exact.is_integer()) return integer_power(base.exact, exponent.exact);
      Rational root;
      const Rational inverse =
          exponent.exact.is_zero() ? Rational(1) : Rational(1) / exponent.exact;
      const long degree = inverse.small_integer(0);
      if (degree >= 2 && degree <= 64 && base.exact.root(static_cast<unsigned long>(degree), root))
        return exact(std::move(root), limits_);
    }
    if (base.number == 0.0)
      return exponent.number.real() > 0.0 ? approximate(0.0) : failed(State::Undefined);
    return approximate(std::pow(base.number, exponent.number));
  }

  Value integer_power(const Rational& base, const Rational& exponent) const {
    constexpr long kHuge = 1L << 40;
    const long n = exponent.small_integer(kHuge);
    if (base.is_zero()) return n > 0 ? exact(Rational(), limits_) : failed(State::Undefined);
    if (base == Rational(1)) return exact(Rational(1), limits_);
    if (static_cast<double>(base.bits()) * std::abs(static_cast<double>(n)) >
        static_cast<double>(limits_.value_bits))
      return failed(State::Limit);
    return exact(base.power(n), limits_);
  }

  Value call(const Node& node) const {
    if (is_opaque(node)) return symbol(canonical_key(node));
    const Value x = value(node.children[0]);
    if (!x.known()) return x;
    if (node.text == "sqrt") return power(x, exact(Rational(1) / Rational(2), limits_));
    if (node.text == "base") return in_base(node);
    if (node.text == "factorial" || node.text == "double_factorial")
      return factorial(x, node.text[0] == 'd');
    if (node.children.size() == 2) return two_arguments(node.text, x, value(node.children[1]));
    if (node.text == "abs" && x.state == State::Exact)
      return exact(x.exact.sign() < 0 ? Rational(-1) * x.exact : x.exact, limits_);
    const bool rounded = node.text == "floor" || node.text == "ceil";
    if (rounded && x.state == State::Exact) return whole(node.text, x);
    return function(node.text, x.number);
  }

  Value whole(const std::string& name, const Value& x) const {
    const Rational minus(-1);
    return exact(name == "floor" ? x.exact.floor() : minus * (minus * x.exact).floor(), limits_);
  }

  Value in_base(const Node& node) const {
    const Value base = value(node.children[1]);
    const long b = base.state == State::Exact ? base.exact.small_integer(0) : 0;
    Rational out;
    const bool readable = b >= 2 && b <= 36 && node.children[0].kind == Kind::Number &&
                          out.read_integer(node.children[0].text, static_cast<int>(b));
    return readable ? exact(std::move(out), limits_) : failed(State::Undefined);
  }

  Value factorial(const Value& x, bool twofold) const {
    constexpr long kLargest = 1000;  // 1000! has 8,530 bits
    const long n = x.state == State::Exact ? x.exact.small_integer(-1) : -1;
    if (n > kLargest) return failed(State::Limit);
    return n < 0     ? failed(State::Undefined)
           : twofold ? exact(Rational::double_factorial(static_cast<unsigned long>(n)), limits_)
                     : exact(Rational::factorial(static_cast<unsigned long>(n)), limits_);
  }

  Value two_arguments(const std::string& name, const Value& a, const Value& b) const {
    if (!b.known()) return b;
    if (name == "log_base") return approximate(std::log(b.number) / std::log(a.number));
    if (name != "binomial" || a.state != State::Exact || b.state != State::Exact)
      return failed(State::Undefined);
    constexpr long kLargest = 4000;
    const long n = a.exact.small_integer(-1);
    const long k = b.exact.small_integer(-1);
    if (n > kLargest) return failed(State::Limit);
    if (n < 0 || k < 0) return failed(State::Undefined);
    return exact(Rational::binomial(static_cast<unsigned long>(n), static_cast<unsigned long>(k)),
                 limits_);
  }

  static Value function(const std::string& name, Complex x) {
    using Function = Complex (*)(Complex);
    static const std::map<std::string, Function> table{
        {"sin", [](Complex v) { return std::sin(v); }},
        {"cos", [](Complex v) { return std::cos(v); }},
        {"tan", [](Complex v) { return std::tan(v); }},
        {"cot", [](Complex v) { return 1.0 / std::tan(v); }},
        {"sec", [](Complex v) { return 1.0 / std::cos(v); }},
        {"csc", [](Complex v) { return 1.0 / std::sin(v); }},
        {"arcsin", [](Complex v) { return std::asin(v); }},
        {"arccos", [](Complex v) { return std::acos(v); }},
        {"arctan", [](Complex v) { return std::atan(v); }},
        {"sinh", [](Complex v) { return std::sinh(v); }},
        {"cosh", [](Complex v) { return std::cosh(v); }},
        {"tanh", [](Complex v) { return std::tanh(v); }},
        {"ln", [](Complex v) { return std::log(v); }},
        {"log", [](Complex v) { return std::log(v); }},
        {"lg", [](Complex v) { return std::log10(v); }},
        {"exp", [](Complex v) { return std::exp(v); }},
        {"abs", [](Complex v) { return Complex(std::abs(v)); }},
        {"floor", [](Complex v) { return Complex(std::floor(v.real())); }},
        {"ceil", [](Complex v) { return Complex(std::ceil(v.real())); }}};
    const auto found = table.find(name);
    return found == table.end() ? failed(State::Undefined) : approximate(found->second(x));
  }

  const SymbolValue& symbol_;
  const Limits& limits_;
};

}  // namespace

Value evaluate(const Node& node, const SymbolValue& symbol, const Limits& limits) {
  return Evaluator(symbol, limits).value(node);
}

std::set<std::string> free_symbols(const Node& node) {
  std::set<std::string> names;
  if (node.kind == Kind::Symbol && !is_constant(node.text)) names.insert(node.text);
  if (is_opaque(node)) return {canonical_key(node)};
  for (const Node& child : node.children) names.merge(free_symbols(child));
  return names;
}

bool has_decimal(const Node& node) {
  if (node.kind == Kind::Number && node.text.find('.') != std::string::npos) return true;
  for (const Node& child : node.children)
    if (has_decimal(child)) return true;
  return false;
}

}  // namespace r1::rewards::maths
