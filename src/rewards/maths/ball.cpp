#include "rewards/maths/ball.h"

#include <functional>
#include <string>
#include <unordered_map>

#include "base/random.h"
#include "rewards/maths/canonical.h"
#include "rewards/maths/evaluate.h"

namespace r1::rewards::maths {
namespace {

using State = BallValue::State;
using Function = void (*)(acb_t, const acb_t, slong);

BallValue failed(State state) {
  BallValue out;
  out.state = state;
  return out;
}

void log10(acb_t out, const acb_t x, slong bits) {
  Ball ten;
  acb_set_ui(ten.get(), 10);
  acb_log(ten.get(), ten.get(), bits);
  acb_log(out, x, bits);
  acb_div(out, out, ten.get(), bits);
}

void gamma_above(acb_t out, const acb_t x, slong bits) {
  acb_add_ui(out, x, 1, bits);
  acb_gamma(out, out, bits);
}

void absolute(acb_t out, const acb_t x, slong bits) {
  acb_abs(acb_realref(out), x, bits);
  arb_zero(acb_imagref(out));
}

void floor_of(acb_t out, const acb_t x, slong bits) {
  arb_floor(acb_realref(out), acb_realref(x), bits);
  arb_zero(acb_imagref(out));
}

void ceil_of(acb_t out, const acb_t x, slong bits) {
  arb_ceil(acb_realref(out), acb_realref(x), bits);
  arb_zero(acb_imagref(out));
}

const std::unordered_map<std::string, Function>& functions() {
  static const std::unordered_map<std::string, Function> table{
      {"sin", acb_sin},     {"cos", acb_cos},    {"tan", acb_tan},     {"cot", acb_cot},
      {"sec", acb_sec},     {"csc", acb_csc},    {"arcsin", acb_asin}, {"arccos", acb_acos},
      {"arctan", acb_atan}, {"sinh", acb_sinh},  {"cosh", acb_cosh},   {"tanh", acb_tanh},
      {"ln", acb_log},      {"log", acb_log},    {"lg", log10},        {"exp", acb_exp},
      {"abs", absolute},    {"floor", floor_of}, {"ceil", ceil_of},    {"factorial", gamma_above}};
  return table;
}

/// Functions that leave the reals for some real arguments.
bool may_leave_reals(const std::string& name) {
  return name == "ln" || name == "log" || name == "lg" || name == "arcsin" || name == "arccos";
}

class BallEvaluator {
 public:
  BallEvaluator(const BallPoint& point, Budget& budget) : point_(point), budget_(budget) {}

  BallValue value(const Node& node) {
    if (!budget_.spend(point_.bits / 32)) return failed(State::Limit);
    switch (node.kind) {
      case Kind::Number:
        return number(node);
      case Kind::Symbol:
        return symbol(node.text);
      case Kind::Add:
      case Kind::Multiply:
        return fold(node);
      case Kind::Negate:
        return negate(value(node.children[0]));
      case Kind::Percent:
        return divide(value(node.children[0]), integer(100));
      case Kind::Divide:
        return divide(value(node.children[0]), value(node.children[1]));
      case Kind::Power:
        return power(node);
      case Kind::Call:
        return call(node);
      default:
        return failed(State::Undefined);
    }
  }

  bool left_reals() const { return left_reals_; }

 private:
  static BallValue integer(long n) {
    BallValue out;
    out.state = State::Known;
    acb_set_si(out.ball.get(), n);
    return out;
  }

  /// Known, unless it is infinite or indeterminate.
  static BallValue finite(BallValue x) {
    x.state = acb_is_finite(x.ball.get()) != 0 ? State::Known : State::Undefined;
    return x;
  }

  BallValue rational(const Rational& r) const {
    BallValue out;
    out.state = State::Known;
    acb_set_fmpq(out.ball.get(), r.get(), point_.bits);
    return out;
  }

  BallValue number(const Node& node) const {
    Rational r;
    return r.read_decimal(node.text) ? rational(r) : failed(State::Undefined);
  }

  BallValue symbol(const std::string& name) const {
    BallValue out = integer(0);
    if (name == "\\pi") {
      arb_const_pi(acb_realref(out.ball.get()), point_.bits);
    } else if (name == "e") {
      arb_const_e(acb_realref(out.ball.get()), point_.bits);
    } else if (name == "i") {
      acb_onei(out.ball.get());
    } else if (point_.probe && is_number_symbol(name)) {
      acb_set_d(out.ball.get(), probe(name));
    } else {
      return failed(State::Undefined);
    }
    return out;
  }

  double probe(const std::string& name) const {
    const auto seed = base::derive_seed({*point_.probe, base::hash_name(name)});
    const double size = point_.scale * (0.5 + 2.0 * base::uniform(seed, 0));
    return point_.signs && base::uniform(seed, 1) < 0.5 ? -size : size;
  }

  BallValue fold(const Node& node) {
    BallValue result = value(node.children[0]);
    for (std::size_t k = 1; k < node.children.size() && result.known(); ++k) {
      const BallValue next = value(node.children[k]);
      if (!next.known()) return next;
      if (node.kind == Kind::Add) {
        acb_add(result.ball.get(), result.ball.get(), next.ball.get(), point_.bits);
      } else {
        acb_mul(result.ball.get(), result.ball.get(), next.ball.get(), point_.bits);
      }
    }
    return result;
  }

  static BallValue negate(BallValue x) {
    if (x.known()) acb_neg(x.ball.get(), x.ball.get());
    return x;
  }

  BallValue divide(BallValue a, const BallValue& b) const {
    if (!a.known()) return a;
    if (!b.known()) return b;
    acb_div(a.ball.get(), a.ball.get(), b.ball.get(), point_.bits);
    return finite(std::move(a));
  }

  /// The real root where there is one, the principal root elsewhere.
  BallValue root(BallValue x, unsigned long degree) {
    if (!x.known()) return x;
    budget_.spend(point_.bits / 8);
    const bool negative =
        acb_is_real(x.ball.get()) != 0 && arb_is_negative(acb_realref(x.ball.get())) != 0;
    if (negative && degree % 2 == 1) {
      acb_neg(x.ball.get(), x.ball.get());
      acb_root_ui(x.ball.get(), x.ball.get(), degree, point_.bits);
      acb_neg(x.ball.get(), x.ball.get());
    } else {
      left_reals_ |= negative;
      acb_root_ui(x.ball.get(), x.ball.get(), degree, point_.bits);
    }
    return finite(std::move(x));
  }

  BallValue power(const Node& node) {
    const Value exponent = evaluate(node.children[1], {}, budget_.limits());
    BallValue base = value(node.children[0]);
    if (!base.known()) return base;
    if (exponent.state == Value::State::Exact) return rational_power(std::move(base), exponent);
    const BallValue raised = value(node.children[1]);
    if (!raised.known()) return raised;
    budget_.spend(point_.bits / 4);
    left_reals_ |=
        acb_is_real(base.ball.get()) != 0 && arb_is_nonnegative(acb_realref(base.ball.get())) == 0;
    acb_pow(base.ball.get(), base.ball.get(), raised.ball.get(), point_.bits);
    return finite(std::move(base));
  }

  BallValue rational_power(BallValue base, const Value& exponent) {
    constexpr long kLargestDegree = 64;
    const long degree = exponent.exact.small_denominator(kLargestDegree);
    if (degree > 1) base = root(std::move(base), static_cast<unsigned long>(degree));
    if (!base.known()) return base;
    budget_.spend(point_.bits / 4);
    constexpr unsigned kLargestExponent = 62;  // bits; beyond, squaring by squaring costs too much
    if (degree == 0 || fmpz_bits(fmpq_numref(exponent.exact.get())) > kLargestExponent) {
      const BallValue raised = rational(exponent.exact);
      acb_pow(base.ball.get(), base.ball.get(), raised.ball.get(), point_.bits);
    } else {
      acb_pow_fmpz(base.ball.get(), base.ball.get(), fmpq_numref(exponent.exact.get()),
                   point_.bits);
    }
    return finite(std::move(base));
  }

  BallValue call(const Node& node) {
    if (is_opaque(node))
      return point_.probe ? symbol(canonical_key(node)) : failed(State::Undefined);
    if (node.text == "sqrt") return root(value(node.children[0]), 2);
    if (node.text == "base" || node.text == "double_factorial") return exact(node);
    if (node.text == "binomial") return binomial(node);
    if (node.text == "log_base")
      return divide(apply("ln", value(node.children[1])), apply("ln", value(node.children[0])));
    if (node.children.size() != 1) return failed(State::Undefined);
    if (node.text == "floor" || node.text == "ceil") {
      BallValue whole = exact(node);
      if (whole.known()) return whole;
    }
    return apply(node.text, value(node.children[0]));
  }

  BallValue exact(const Node& node) const {
    const Value x = evaluate(node, {}, budget_.limits());
    if (x.state == Value::State::Limit) return failed(State::Limit);
    return x.state == Value::State::Exact ? rational(x.exact) : failed(State::Undefined);
  }

  BallValue binomial(const Node& node) {
    const BallValue n = value(node.children[0]);
    const BallValue k = value(node.children[1]);
    if (!n.known() || !k.known()) return failed(State::Undefined);
    BallValue rest = n;
    acb_sub(rest.ball.get(), n.ball.get(), k.ball.get(), point_.bits);
    return divide(divide(apply("factorial", n), apply("factorial", k)),
                  apply("factorial", std::move(rest)));
  }

  BallValue apply(const std::string& name, BallValue x) {
    if (!x.known()) return x;
    const auto found = functions().find(name);
    if (found == functions().end()) return failed(State::Undefined);
    budget_.spend(point_.bits / 2);
    const bool real = acb_is_real(x.ball.get()) != 0;
    const bool logarithm = name == "ln" || name == "log" || name == "lg";
    const bool outside = real && logarithm && arb_is_positive(acb_realref(x.ball.get())) == 0;
    BallValue out = integer(0);
    found->second(out.ball.get(), x.ball.get(), point_.bits);
    if (real && may_leave_reals(name)) left_reals_ |= outside || acb_is_real(out.ball.get()) == 0;
    return finite(std::move(out));
  }

  const BallPoint& point_;
  Budget& budget_;
  bool left_reals_ = false;
};

}  // namespace

BallValue evaluate_ball(const Node& node, const BallPoint& point, Budget& budget) {
  BallEvaluator evaluator(point, budget);
  BallValue out = evaluator.value(node);
  out.left_reals = evaluator.left_reals();
  return out;
}

}  // namespace r1::rewards::maths
