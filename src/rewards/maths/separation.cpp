#include "rewards/maths/separation.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "rewards/maths/evaluate.h"

namespace r1::rewards::maths {
namespace {

/// log2 of the paper's u(E) and l(E): bounds of the conjugates of numerator and denominator.
struct Bound {
  double upper = 0.0;
  double lower = 0.0;
};

double log2_sum(double a, double b) {
  return std::max(a, b) + 1.0;
}

class Separation {
 public:
  explicit Separation(Budget& budget) : budget_(budget) {}

  std::optional<Bound> bound(const Node& node) {
    if (!budget_.spend(1)) return {};
    switch (node.kind) {
      case Kind::Number:
        return number(node);
      case Kind::Symbol:
        if (node.text != "i") return {};
        add_root(node, 2);
        return Bound{};
      case Kind::Add:
      case Kind::Multiply:
        return fold(node);
      case Kind::Negate:
        return bound(node.children[0]);
      case Kind::Percent:
        return divide(bound(node.children[0]), Bound{std::log2(100.0), 0.0});
      case Kind::Divide:
        return divide(bound(node.children[0]), bound(node.children[1]));
      case Kind::Power:
        return power(node);
      case Kind::Call:
        if (node.text == "sqrt") return root(bound(node.children[0]), node.children[0], 2);
        return number(node);
      default:
        return {};
    }
  }

  /// log2 of the degree of the field that holds all roots met.
  double degree_bits() const { return degree_bits_; }

 private:
  std::optional<Bound> number(const Node& node) const {
    const Value x = evaluate(node, {}, budget_.limits());
    if (x.state != Value::State::Exact) return {};
    return Bound{static_cast<double>(fmpz_bits(fmpq_numref(x.exact.get()))),
                 static_cast<double>(fmpz_bits(fmpq_denref(x.exact.get())))};
  }

  std::optional<Bound> fold(const Node& node) {
    std::optional<Bound> result = bound(node.children[0]);
    for (std::size_t k = 1; k < node.children.size() && result; ++k) {
      const std::optional<Bound> next = bound(node.children[k]);
      if (!next) return {};
      if (node.kind == Kind::Add) {
        result->upper = log2_sum(result->upper + next->lower, next->upper + result->lower);
      } else {
        result->upper += next->upper;
      }
      result->lower += next->lower;
    }
    return result;
  }

  static std::optional<Bound> divide(const std::optional<Bound>& a, const std::optional<Bound>& b) {
    if (!a || !b) return {};
    return Bound{a->upper + b->lower, a->lower + b->upper};
  }

  /// The same root met twice adds nothing to the field.
  void add_root(const Node& radicand, long degree) {
    const auto same = [&](const auto& known) {
      return known.second == degree && *known.first == radicand;
    };
    if (std::any_of(roots_.begin(), roots_.end(), same)) return;
    roots_.emplace_back(&radicand, degree);
    degree_bits_ += std::log2(static_cast<double>(degree));
  }

  std::optional<Bound> root(std::optional<Bound> x, const Node& radicand, long degree) {
    if (!x || degree < 2) return x;
    add_root(radicand, degree);
    const auto k = static_cast<double>(degree);
    if (x->upper >= x->lower) return Bound{(x->upper + (k - 1.0) * x->lower) / k, x->lower};
    return Bound{x->upper, ((k - 1.0) * x->upper + x->lower) / k};
  }

  std::optional<Bound> power(const Node& node) {
    const Value exponent = evaluate(node.children[1], {}, budget_.limits());
    if (exponent.state != Value::State::Exact) return {};
    constexpr long kLargestDegree = 64;
    constexpr double kLargestPower = 4096.0;
    const long degree = exponent.exact.small_denominator(kLargestDegree);
    const double size = std::abs(fmpz_get_d(fmpq_numref(exponent.exact.get())));
    if (degree == 0 || size > kLargestPower) return {};
    std::optional<Bound> x = root(bound(node.children[0]), node.children[0], degree);
    if (!x) return {};
    x->upper *= size;
    x->lower *= size;
    if (exponent.exact.sign() < 0) std::swap(x->upper, x->lower);
    return x;
  }

  Budget& budget_;
  double degree_bits_ = 0.0;
  std::vector<std::pair<const Node*, long>> roots_;
};

}  // namespace

std::optional<long> separation_bits(const Node& a, const Node& b, Budget& budget) {
  Separation separation(budget);
  const auto x = separation.bound(a);
  const auto y = x ? separation.bound(b) : std::nullopt;
  if (!x || !y) return {};
  const double upper = log2_sum(x->upper + y->lower, y->upper + x->lower);
  const double lower = x->lower + y->lower;
  const double bits = (std::exp2(separation.degree_bits()) - 1.0) * upper + lower + 1.0;
  if (!(bits < static_cast<double>(budget.limits().precision_bits))) return {};
  return static_cast<long>(bits) + 1;
}

}  // namespace r1::rewards::maths
