#pragma once
// An exact rational number with value semantics over FLINT's fmpq.
#include <flint/fmpq.h>

#include <cstdint>
#include <string>

namespace r1::rewards::maths {

class Rational {
 public:
  Rational() { fmpq_init(value_); }
  explicit Rational(long integer) : Rational() { fmpq_set_si(value_, integer, 1); }
  Rational(const Rational& other) : Rational() { fmpq_set(value_, other.value_); }
  Rational(Rational&& other) noexcept : Rational() { fmpq_swap(value_, other.value_); }
  Rational& operator=(Rational other) noexcept {
    fmpq_swap(value_, other.value_);
    return *this;
  }
  ~Rational() { fmpq_clear(value_); }

  /// Reads an unsigned decimal such as "12", "0.50" or ".5"; false for other texts.
  bool read_decimal(const std::string& digits);
  /// Reads unsigned `digits` in `base` (2..36); false if a digit is out of range.
  bool read_integer(const std::string& digits, int base);

  /// Bits of numerator plus denominator, which determine the cost of arithmetic.
  std::size_t bits() const {
    return fmpz_bits(fmpq_numref(value_)) + fmpz_bits(fmpq_denref(value_));
  }
  bool is_zero() const { return fmpq_is_zero(value_) != 0; }
  bool is_integer() const { return fmpz_is_one(fmpq_denref(value_)) != 0; }
  const fmpq* get() const { return value_; }
  int sign() const { return fmpq_sgn(value_); }
  double to_double() const { return fmpq_get_d(value_); }
  /// The value if it is an integer of at most 62 bits, else `otherwise`.
  long small_integer(long otherwise) const;
  /// The denominator if it is at most `largest`, else 0.
  long small_denominator(long largest) const;
  /// Numerator and denominator modulo a prime.
  std::uint64_t numerator_modulo(std::uint64_t prime) const;
  std::uint64_t denominator_modulo(std::uint64_t prime) const;
  Rational floor() const;
  /// Computes the exact n-th root; false if there is none.
  bool root(unsigned long n, Rational& out) const;

  friend Rational operator+(const Rational& a, const Rational& b) { return apply(fmpq_add, a, b); }
  friend Rational operator-(const Rational& a, const Rational& b) { return apply(fmpq_sub, a, b); }
  friend Rational operator*(const Rational& a, const Rational& b) { return apply(fmpq_mul, a, b); }
  /// `b` must not be zero.
  friend Rational operator/(const Rational& a, const Rational& b) { return apply(fmpq_div, a, b); }
  friend bool operator==(const Rational& a, const Rational& b) {
    return fmpq_equal(a.value_, b.value_) != 0;
  }
  Rational power(long exponent) const;  // zero must not have a negative exponent
  static Rational factorial(unsigned long n);
  static Rational double_factorial(unsigned long n);
  static Rational binomial(unsigned long n, unsigned long k);
  /// The decimal text; integers must have at most 512 bits.
  std::string to_string() const;

 private:
  template <class Function>
  static Rational apply(Function function, const Rational& a, const Rational& b) {
    Rational out;
    function(out.value_, a.value_, b.value_);
    return out;
  }
  fmpq_t value_;
};

}  // namespace r1::rewards::maths
