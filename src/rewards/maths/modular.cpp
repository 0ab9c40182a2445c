#include "rewards/maths/modular.h"

#include <flint/nmod_vec.h>
#include <flint/ulong_extras.h>

#include <algorithm>
#include <array>

#include "base/random.h"
#include "rewards/maths/canonical.h"
#include "rewards/maths/evaluate.h"

namespace r1::rewards::maths {
namespace {

using State = Residue::State;

constexpr int kFields = 16;

struct Field {
  std::uint64_t prime, imaginary;
};

/// Random primes p = 1 mod 4, drawn once.
const std::array<Field, kFields>& fields() {
  static const auto table = [] {
    std::array<Field, kFields> out{};
    std::uint64_t counter = 0;
    for (Field& field : out) {
      do {
        const std::uint64_t start =
            (base::random_bits(base::hash_name("maths primes"), counter++) >> 4) |
            (std::uint64_t{1} << 60);
        field.prime = n_nextprime(start, 0);
      } while (field.prime % 4 != 1);
      field.imaginary = n_sqrtmod(field.prime - 1, field.prime);
    }
    return out;
  }();
  return table;
}

Residue failed(State state) {
  return {state, 0};
}

class ModularEvaluator {
 public:
  ModularEvaluator(const ModularPoint& point, Budget& budget) : point_(point), budget_(budget) {
    nmod_init(&mod_, point.prime);
  }

  Residue value(const Node& node) {
    if (!budget_.spend(1)) return failed(State::Limit);
    switch (node.kind) {
      case Kind::Number:
        return number(node.text);
      case Kind::Symbol:
        return symbol(node.text);
      case Kind::Add:
      case Kind::Multiply:
        return fold(node);
      case Kind::Negate:
        return negate(value(node.children[0]));
      case Kind::Percent:
        return divide(value(node.children[0]), known(100));
      case Kind::Divide:
        return divide(value(node.children[0]), value(node.children[1]));
      case Kind::Power:
        return power(node);
      case Kind::Call:
        return call(node);
      default:
        return failed(State::Irrational);
    }
  }

 private:
  static Residue known(std::uint64_t value) { return {State::Known, value}; }

  Residue number(const std::string& digits) {
    budget_.spend(static_cast<long>(digits.size()) / 16);
    std::uint64_t result = 0;
    std::uint64_t scale = 1;
    bool behind_point = false;
    for (const char c : digits) {
      if (c == '.') {
        behind_point = true;
        continue;
      }
      result = nmod_add(nmod_mul(result, 10, mod_), static_cast<std::uint64_t>(c - '0'), mod_);
      if (behind_point) scale = nmod_mul(scale, 10, mod_);
    }
    return scale == 1 ? known(result) : divide(known(result), known(scale));
  }

  Residue named(const std::string& name) const {
    return known(base::random_bits(base::derive_seed({point_.seed, base::hash_name(name)}), 0) %
                 point_.prime);
  }

  Residue symbol(const std::string& name) const {
    if (name == "i") return known(point_.imaginary);
    return is_number_symbol(name) ? named(name) : failed(State::Irrational);
  }

  Residue fold(const Node& node) {
    Residue result = value(node.children[0]);
    for (std::size_t k = 1; k < node.children.size() && result.known(); ++k) {
      const Residue next = value(node.children[k]);
      if (!next.known()) return next;
      result.value = node.kind == Kind::Add ? nmod_add(result.value, next.value, mod_)
                                            : nmod_mul(result.value, next.value, mod_);
    }
    return result;
  }

  Residue negate(Residue x) const {
    if (x.known()) x.value = nmod_neg(x.value, mod_);
    return x;
  }

  Residue divide(const Residue& a, const Residue& b) const {
    if (!a.known()) return a;
    if (!b.known()) return b;
    if (b.value == 0) return failed(State::Undefined);
    return known(nmod_mul(a.value, n_invmod(b.value, mod_.n), mod_));
  }

  Residue power(const Node& node) {
    const Value exponent = evaluate(node.children[1], {}, budget_.limits());
    if (exponent.state == Value::State::Limit) return failed(State::Limit);
    constexpr long kNone = 1L << 62;
    const long n =
        exponent.state == Value::State::Exact ? exponent.exact.small_integer(kNone) : kNone;
    if (n == kNone) {
      const bool whole = exponent.state == Value::State::Exact && exponent.exact.is_integer();
      return whole ? failed(State::Limit) : exact(node);
    }
    const Residue base = value(node.children[0]);
    if (!base.known()) return base;
    if (n <= 0 && base.value == 0) return failed(State::Undefined);
    budget_.spend(8);
    const auto size = static_cast<std::uint64_t>(n < 0 ? -n : n);
    const Residue raised = known(nmod_pow_ui(base.value, size, mod_));
    return n < 0 ? divide(known(1), raised) : raised;
  }

  Residue call(const Node& node) {
    if (is_opaque(node)) return named(canonical_key(node));
    const bool counted = node.text == "factorial" || node.text == "binomial";
    return counted ? product(node) : exact(node);
  }

  /// n! or n over k, factor by factor.
  Residue product(const Node& node) {
    std::array<long, 2> arguments{-1, -1};
    for (std::size_t k = 0; k < node.children.size() && k < 2; ++k) {
      const Value argument = evaluate(node.children[k], {}, budget_.limits());
      if (argument.state == Value::State::Limit) return failed(State::Limit);
      arguments[k] = argument.state == Value::State::Exact ? argument.exact.small_integer(-1) : -1;
    }
    const auto [n, k] = arguments;
    if (n < 0) return failed(State::Irrational);
    if (node.text == "factorial") return falling(n, n);
    if (k < 0) return failed(State::Irrational);
    if (k > n) return known(0);
    const long rest = std::min(k, n - k);
    return divide(falling(n, rest), falling(rest, rest));
  }

  /// n (n - 1) ... of `count` factors.
  Residue falling(long n, long count) {
    if (!budget_.spend(count / 16 + 1)) return failed(State::Limit);
    std::uint64_t result = 1;
    for (long k = 0; k < count; ++k)
      result = nmod_mul(result, static_cast<std::uint64_t>(n - k) % mod_.n, mod_);
    return known(result);
  }

  /// Anything else counts when its value is a rational number: a perfect square's root, a floor.
  Residue exact(const Node& node) {
    if (!free_symbols(node).empty()) return failed(State::Irrational);
    budget_.spend(8);
    const Value x = evaluate(node, {}, budget_.limits());
    if (x.state == Value::State::Limit) return failed(State::Limit);
    if (x.state == Value::State::Undefined) return failed(State::Undefined);
    if (x.state != Value::State::Exact) return failed(State::Irrational);
    return divide(known(x.exact.numerator_modulo(mod_.n)),
                  known(x.exact.denominator_modulo(mod_.n)));
  }

  const ModularPoint& point_;
  Budget& budget_;
  nmod_t mod_{};
};

}  // namespace

ModularPoint modular_point(std::uint64_t seed, int field, int index) {
  const std::uint64_t chosen = base::random_bits(seed, static_cast<std::uint64_t>(field)) % kFields;
  const Field& f = fields()[chosen];
  return {f.prime, f.imaginary, base::derive_seed({seed, static_cast<std::uint64_t>(index)})};
}

Residue evaluate_modulo(const Node& node, const ModularPoint& point, Budget& budget) {
  return ModularEvaluator(point, budget).value(node);
}

}  // namespace r1::rewards::maths
