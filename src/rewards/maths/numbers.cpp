#include "rewards/maths/numbers.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "rewards/maths/ball.h"
#include "rewards/maths/canonical.h"
#include "rewards/maths/closed_form.h"
#include "rewards/maths/evaluate.h"
#include "rewards/maths/modular.h"
#include "rewards/maths/separation.h"

namespace r1::rewards::maths {
namespace {

constexpr double kDecimalTolerance = 0.5e-6;
constexpr double kDecimalRelative = 1e-3;
constexpr int kFields = 2;
constexpr long kFirstBits = 64;

std::uint64_t seed_of(const Node& a, const Node& b) {
  return base::derive_seed({base::hash_name(canonical_key(a)), base::hash_name(canonical_key(b))});
}

/// Residues of both in two fields: proved different, equal but for bad luck, or undecided.
Answer modulo_primes(const Node& a, const Node& b, Budget& budget) {
  const std::uint64_t seed = seed_of(a, b);
  for (int field = 0; field < kFields; ++field) {
    const ModularPoint point = modular_point(seed, field, field);
    const Residue x = evaluate_modulo(a, point, budget);
    const Residue y = x.known() ? evaluate_modulo(b, point, budget) : Residue{};
    if (!x.known() || !y.known()) return Answer::Unknown;
    if (x.value != y.value) return Answer::Different;
  }
  return Answer::Equal;
}

/// The ball of a - b.
BallValue difference(const Node& a, const Node& b, long bits, Budget& budget) {
  const BallPoint point{bits, {}, 1.0, false};
  BallValue x = evaluate_ball(a, point, budget);
  if (!x.known()) return x;
  const BallValue y = evaluate_ball(b, point, budget);
  if (!y.known()) return y;
  acb_sub(x.ball.get(), x.ball.get(), y.ball.get(), bits);
  return x;
}

bool holds_zero(const BallValue& x) {
  return acb_contains_zero(x.ball.get()) != 0;
}

/// Whether the ball is so small that, holding zero, only zero fits: |x| < 2^-bits.
bool is_below(const BallValue& x, long bits) {
  mag_t size;
  mag_init(size);
  acb_get_mag(size, x.ball.get());
  const bool below = mag_cmp_2exp_si(size, -bits) < 0;
  mag_clear(size);
  return below;
}

/// A separation bound decides in one evaluation.
Answer by_separation(const Node& a, const Node& b, Budget& budget) {
  const auto bits = separation_bits(a, b, budget);
  if (!bits) return Answer::Unknown;
  constexpr long kGuard = 64;
  const BallValue x = difference(a, b, *bits + kGuard, budget);
  if (!x.known()) return Answer::Unknown;
  if (!holds_zero(x)) return Answer::Different;
  return is_below(x, *bits) ? Answer::Equal : Answer::Unknown;
}

Answer by_precision(const Node& a, const Node& b, Budget& budget) {
  for (long bits = 2 * kFirstBits; bits <= budget.limits().precision_bits; bits *= 2) {
    const BallValue x = difference(a, b, bits, budget);
    if (!x.known()) return Answer::Unknown;
    if (!holds_zero(x)) return Answer::Different;
  }
  return Answer::Unknown;
}

/// Without tolerance, when at least one value is not a small rational.
Answer exactly(const Node& a, const Node& b, Budget& budget) {
  if (const Answer residues = modulo_primes(a, b, budget); residues != Answer::Unknown)
    return residues;
  const BallValue first = difference(a, b, kFirstBits, budget);
  if (!first.known()) return Answer::Unknown;
  if (!holds_zero(first)) return Answer::Different;
  if (acb_is_zero(first.ball.get()) != 0) return Answer::Equal;
  if (const Answer bound = by_separation(a, b, budget); bound != Answer::Unknown) return bound;
  if (const Answer closed = compare_closed_forms(a, b, budget); closed != Answer::Unknown)
    return closed;
  return by_precision(a, b, budget);
}

bool is_whole(const Value& x) {
  return x.state == Value::State::Exact && x.exact.is_integer();
}

/// A decimal stands for what it rounds, but for no integer and not at the cost of its digits.
bool within_decimals(const Node& a, const Node& b, const Value& x, const Value& y) {
  if (!has_decimal(a) && !has_decimal(b)) return false;
  if (is_whole(x) || is_whole(y) || !x.known() || !y.known()) return false;
  const double distance = std::abs(x.number - y.number);
  const double size = std::max(std::abs(x.number), std::abs(y.number));
  return distance <= kDecimalTolerance && distance <= kDecimalRelative * size;
}

}  // namespace

Answer compare_numbers(const Node& a, const Node& b, Budget& budget) {
  const Value x = evaluate(a, {}, budget.limits());
  const Value y = evaluate(b, {}, budget.limits());
  using State = Value::State;
  if (!budget.spend(4)) return Answer::Unknown;
  if (x.state == State::Undefined && y.state == State::Undefined) return Answer::Unknown;
  Answer answer = Answer::Different;
  const bool exact = x.state == State::Exact && y.state == State::Exact;
  if (exact) {
    if (x.exact == y.exact) answer = Answer::Equal;
  } else {
    answer = exactly(a, b, budget);
  }
  return answer == Answer::Different && within_decimals(a, b, x, y) ? Answer::Equal : answer;
}

}  // namespace r1::rewards::maths
