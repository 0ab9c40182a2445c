// Comparison of expressions with free symbols at random points (numbers.h).
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/random.h"
#include "rewards/maths/ball.h"
#include "rewards/maths/canonical.h"
#include "rewards/maths/evaluate.h"
#include "rewards/maths/modular.h"
#include "rewards/maths/numbers.h"

namespace r1::rewards::maths {
namespace {

constexpr int kModularPoints = 4;
constexpr int kNeededResidues = 2;
constexpr int kProbes = 10;
constexpr int kNeededProbes = 3;
constexpr long kProbeBits = 192;
constexpr long kAgreementBits = 96;  // what must be left of them after cancellation
constexpr double kDecimalTolerance = 0.5e-6;

std::uint64_t seed_of(const Node& a, const Node& b) {
  return base::derive_seed({base::hash_name(canonical_key(a)), base::hash_name(canonical_key(b))});
}

bool contains_imaginary(const Node& node) {
  return (node.kind == Kind::Symbol && node.text == "i") ||
         std::any_of(node.children.begin(), node.children.end(), contains_imaginary);
}

/// Residues of f and g at points of one field.
struct Residues {
  std::array<Residue, kModularPoints> f, g;
  int known = 0;
  std::uint64_t prime = 0;
  bool decided = true;  // false: not rational functions, or out of budget
};

Residues residues(const Node& f, const Node& g, Budget& budget) {
  Residues out;
  const std::uint64_t seed = seed_of(f, g);
  for (int k = 0; k < kModularPoints && out.decided; ++k) {
    const ModularPoint point = modular_point(seed, 0, k);
    out.prime = point.prime;
    Residue x = evaluate_modulo(f, point, budget);
    Residue y = evaluate_modulo(g, point, budget);
    const auto usable = [](const Residue& r) {
      return r.known() || r.state == Residue::State::Undefined;
    };
    out.decided = usable(x) && usable(y);
    if (!x.known() || !y.known()) continue;
    out.f[static_cast<std::size_t>(out.known)] = x;
    out.g[static_cast<std::size_t>(out.known++)] = y;
  }
  return out;
}

/// What one real point says about f and g.
struct Probe {
  bool valid = false;
  BallValue f, g;
};

class Probes {
 public:
  Probes(const Node& f, const Node& g, Budget& budget)
      : f_(f), g_(g), budget_(budget), seed_(seed_of(f, g)) {}

  /// Point k: small and large, positive first, then both signs.
  Probe at(int k, bool complex) {
    constexpr std::array<double, kProbes> kScales{1.0, 1.0, 8.0,  0.25, 1.0,
                                                  8.0, 1.0, 0.25, 64.0, 4.0};
    BallPoint point{kProbeBits, base::derive_seed({seed_, static_cast<std::uint64_t>(k)}),
                    kScales[static_cast<std::size_t>(k)], k >= kProbes / 2};
    Probe out{false, evaluate_ball(f_, point, budget_), evaluate_ball(g_, point, budget_)};
    const bool real = !out.f.left_reals && !out.g.left_reals;
    out.valid = out.f.known() && out.g.known() && (complex || real);
    return out;
  }

 private:
  const Node& f_;
  const Node& g_;
  Budget& budget_;
  std::uint64_t seed_;
};

/// Zero within what precision leaves, relative to the size of `scale`.
bool vanishes(const Ball& x, const Ball& scale) {
  if (acb_contains_zero(x.get()) == 0) return false;
  mag_t size;
  mag_t whole;
  mag_init(size);
  mag_init(whole);
  acb_get_mag(size, x.get());
  acb_get_mag(whole, scale.get());
  mag_add_ui(whole, whole, 1);
  mag_mul_2exp_si(whole, whole, -kAgreementBits);
  const bool below = mag_cmp(size, whole) < 0;
  mag_clear(size);
  mag_clear(whole);
  return below;
}

double size_of(const Ball& x) {
  mag_t size;
  mag_init(size);
  acb_get_mag(size, x.get());
  const double out = mag_get_d(size);
  mag_clear(size);
  return out;
}

/// Equal at enough points of the domain, proved different at one, or unknown.
Answer by_probes(const Node& a, const Node& b, bool decimals, bool complex, Budget& budget) {
  Probes probes(a, b, budget);
  int agreed = 0;
  for (int k = 0; k < kProbes; ++k) {
    Probe probe = probes.at(k, complex);
    if (!probe.valid) continue;
    Ball difference;
    acb_sub(difference.get(), probe.f.ball.get(), probe.g.ball.get(), kProbeBits);
    const double tolerance = kDecimalTolerance * std::max(1.0, size_of(probe.f.ball));
    if (vanishes(difference, probe.f.ball) || (decimals && size_of(difference) <= tolerance)) {
      ++agreed;
    } else if (acb_contains_zero(difference.get()) == 0) {
      return Answer::Different;
    }
  }
  if (agreed >= kNeededProbes) return Answer::Equal;
  return Answer::Unknown;
}

/// The sign of f / g at a real point: 1, -1, or 0 where none can be told.
int sign_of_ratio(const Node& f, const Node& g, Budget& budget) {
  Probes probes(f, g, budget);
  for (int k = 0; k < kProbes; ++k) {
    Probe probe = probes.at(k, false);
    if (!probe.valid || acb_contains_zero(probe.g.ball.get()) != 0) continue;
    acb_div(probe.f.ball.get(), probe.f.ball.get(), probe.g.ball.get(), kProbeBits);
    arb_srcptr real = acb_realref(probe.f.ball.get());
    if (arb_is_positive(real) != 0) return 1;
    if (arb_is_negative(real) != 0) return -1;
  }
  return 0;
}

Answer proportional_at_probes(const Node& f, const Node& g, Budget& budget) {
  Probes probes(f, g, budget);
  std::optional<Probe> first;
  int agreed = 0;
  for (int k = 0; k < kProbes; ++k) {
    Probe probe = probes.at(k, false);
    if (!probe.valid) continue;
    const bool zero_f = acb_contains_zero(probe.f.ball.get()) != 0;
    const bool zero_g = acb_contains_zero(probe.g.ball.get()) != 0;
    if (zero_f || zero_g) continue;
    if (!first) {
      first = std::move(probe);
      continue;
    }
    Ball left;
    Ball right;
    acb_mul(left.get(), probe.f.ball.get(), first->g.ball.get(), kProbeBits);
    acb_mul(right.get(), probe.g.ball.get(), first->f.ball.get(), kProbeBits);
    Ball difference;
    acb_sub(difference.get(), left.get(), right.get(), kProbeBits);
    if (acb_contains_zero(difference.get()) == 0) return Answer::Different;
    if (vanishes(difference, left)) ++agreed;
  }
  return agreed >= kNeededProbes - 1 ? Answer::Equal : Answer::Unknown;
}

Answer proportional_residues(const Residues& r) {
  if (r.known < kNeededResidues) return Answer::Unknown;
  if (r.f[0].value == 0 || r.g[0].value == 0) return Answer::Different;
  for (int k = 1; k < r.known; ++k) {
    const auto at = static_cast<std::size_t>(k);
    const auto left = static_cast<unsigned __int128>(r.f[at].value) * r.g[0].value % r.prime;
    const auto right = static_cast<unsigned __int128>(r.g[at].value) * r.f[0].value % r.prime;
    if (left != right) return Answer::Different;
  }
  return Answer::Equal;
}

}  // namespace

Answer compare_functions(const Node& a, const Node& b, Budget& budget) {
  const bool decimals = has_decimal(a) || has_decimal(b);
  const bool complex = contains_imaginary(a) || contains_imaginary(b);
  const Residues r = residues(a, b, budget);
  if (r.decided && r.known >= kNeededResidues) {
    bool equal = true;
    for (int k = 0; k < r.known; ++k)
      equal &= r.f[static_cast<std::size_t>(k)].value == r.g[static_cast<std::size_t>(k)].value;
    if (equal) return Answer::Equal;
    if (!decimals) return Answer::Different;
  }
  const Answer real = by_probes(a, b, decimals, complex, budget);
  return real == Answer::Unknown && !complex ? by_probes(a, b, decimals, true, budget) : real;
}

Answer compare_up_to_factor(const Node& f, const Node& g, bool positive, Budget& budget) {
  const Residues r = residues(f, g, budget);
  Answer answer = r.decided ? proportional_residues(r) : Answer::Unknown;
  if (answer == Answer::Unknown) answer = proportional_at_probes(f, g, budget);
  if (answer != Answer::Equal || !positive) return answer;
  const int sign = sign_of_ratio(f, g, budget);
  if (sign == 0) return Answer::Unknown;
  return sign > 0 ? Answer::Equal : Answer::Different;
}

}  // namespace r1::rewards::maths
