#include "rewards/maths/rational.h"

#include <flint/flint.h>

namespace r1::rewards::maths {

bool Rational::read_decimal(const std::string& digits) {
  const std::size_t point = digits.find('.');
  std::string all = digits;
  if (point != std::string::npos) all.erase(point, 1);
  if (all.empty() || all.find_first_not_of("0123456789") != std::string::npos) return false;
  if (fmpz_set_str(fmpq_numref(value_), all.c_str(), 10) != 0) return false;
  const std::size_t places = point == std::string::npos ? 0 : digits.size() - point - 1;
  fmpz_set_ui(fmpq_denref(value_), 10);
  fmpz_pow_ui(fmpq_denref(value_), fmpq_denref(value_), places);
  fmpq_canonicalise(value_);
  return true;
}

bool Rational::read_integer(const std::string& digits, int base) {
  fmpq_zero(value_);
  for (const char c : digits) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
    if (digit >= base) return false;
    fmpz_mul_si(fmpq_numref(value_), fmpq_numref(value_), base);
    fmpz_add_ui(fmpq_numref(value_), fmpq_numref(value_), static_cast<ulong>(digit));
  }
  fmpz_one(fmpq_denref(value_));
  return !digits.empty();
}

long Rational::small_integer(long otherwise) const {
  if (!is_integer() || fmpz_bits(fmpq_numref(value_)) > 61) return otherwise;
  return fmpz_get_si(fmpq_numref(value_));
}

long Rational::small_denominator(long largest) const {
  return fmpz_cmp_si(fmpq_denref(value_), largest) <= 0 ? fmpz_get_si(fmpq_denref(value_)) : 0;
}

std::uint64_t Rational::numerator_modulo(std::uint64_t prime) const {
  return fmpz_fdiv_ui(fmpq_numref(value_), prime);
}

std::uint64_t Rational::denominator_modulo(std::uint64_t prime) const {
  return fmpz_fdiv_ui(fmpq_denref(value_), prime);
}

Rational Rational::floor() const {
  Rational out;
  fmpz_fdiv_q(fmpq_numref(out.value_), fmpq_numref(value_), fmpq_denref(value_));
  return out;
}

bool Rational::root(unsigned long n, Rational& out) const {
  if (n == 0 || (sign() < 0 && n % 2 == 0)) return false;
  Rational result;
  const bool exact =
      fmpz_root(fmpq_numref(result.value_), fmpq_numref(value_), static_cast<slong>(n)) != 0 &&
      fmpz_root(fmpq_denref(result.value_), fmpq_denref(value_), static_cast<slong>(n)) != 0;
  if (exact) out = result;
  return exact;
}

Rational Rational::power(long exponent) const {
  Rational out;
  fmpq_pow_si(out.value_, value_, exponent);
  return out;
}

Rational Rational::factorial(unsigned long n) {
  Rational out;
  fmpz_fac_ui(fmpq_numref(out.value_), n);
  return out;
}

Rational Rational::double_factorial(unsigned long n) {
  Rational out(1);
  for (unsigned long k = n; k > 1; k -= 2)
    fmpz_mul_ui(fmpq_numref(out.value_), fmpq_numref(out.value_), k);
  return out;
}

Rational Rational::binomial(unsigned long n, unsigned long k) {
  Rational out;
  fmpz_bin_uiui(fmpq_numref(out.value_), n, k);
  return out;
}

std::string Rational::to_string() const {
  if (bits() > 1024) return {};
  char* text = fmpq_get_str(nullptr, 10, value_);
  std::string out(text);
  flint_free(text);
  return out;
}

}  // namespace r1::rewards::maths
