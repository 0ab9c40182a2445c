// Arithmetic and number theory in reasoning-gym's tasks and answer formats.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bitset>
#include <numeric>

#include "data/generators/support.h"
#include "data/generators/tasks.h"

namespace r1::data::tasks {
namespace {

/// A number of exactly `digits` digits (one digit: 0..9).
std::int64_t of_digits(Random& random, std::int64_t digits) {
  std::int64_t low = 1;
  for (std::int64_t i = 1; i < digits; ++i) low *= 10;
  return random.integer(digits == 1 ? 0 : low, low * 10 - 1);
}

std::string in_base(std::int64_t value, std::int64_t base) {
  std::string digits;
  do {
    digits += "0123456789abcdefghijklmnopqrstuvwxyz"[value % base];
    value /= base;
  } while (value > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string base_name(std::int64_t base) {
  if (base == 2) return "binary";
  return base == 16 ? "hexadecimal" : fmt::format("base-{}", base);
}

/// Hundredths as text with one or two places: -1230 -> "-12.3".
std::string hundredths(std::int64_t value) {
  const std::int64_t size = std::abs(value);
  std::string text = fmt::format("{}{}.{:02}", value < 0 ? "-" : "", size / 100, size % 100);
  if (text.back() == '0') text.pop_back();
  return text;
}

}  // namespace

Json chain_sum(Random& random) {
  const auto num_terms = random.integer(2, 6);
  const auto digits = random.integer(1, 4);
  std::int64_t value = of_digits(random, digits);
  std::string expression = std::to_string(value);
  for (std::int64_t i = 1; i < num_terms; ++i) {
    const auto term = of_digits(random, digits);
    const bool minus = random.integer(0, 1) == 1;
    value += minus ? -term : term;
    expression += fmt::format(" {} {}", minus ? '-' : '+', term);
  }
  return gym_record(
      "chain_sum",
      fmt::format("State the final answer to the following arithmetic problem: {} =", expression),
      std::to_string(value), "arithmetic", {{"expression", expression}});
}

Json decimal_chain_sum(Random& random) {
  const auto num_terms = random.integer(2, 5);
  std::int64_t value = random.integer(1, 99999);
  std::string expression = hundredths(value);
  for (std::int64_t i = 1; i < num_terms; ++i) {
    const auto term = random.integer(1, 99999);
    const bool minus = random.integer(0, 1) == 1;
    value += minus ? -term : term;
    expression += fmt::format(" {} {}", minus ? '-' : '+', hundredths(term));
  }
  return gym_record(
      "decimal_chain_sum",
      fmt::format("State the final answer to the following arithmetic problem: {} =", expression),
      hundredths(value), "arithmetic", {{"expression", expression}});
}

Json basic_arithmetic(Random& random) {
  // A sum of products: (a * b) + c - d * e; brackets are not needed to read it.
  const auto num_terms = random.integer(2, 4);
  std::int64_t value = 0;
  std::string expression;
  for (std::int64_t i = 0; i < num_terms; ++i) {
    const auto a = random.integer(-12, 60);
    const auto b = random.integer(0, 2) == 0 ? random.integer(-12, 12) : 1;
    const bool minus = i > 0 && random.integer(0, 1) == 1;
    value += (minus ? -1 : 1) * a * b;
    expression += i == 0 ? "" : (minus ? " - " : " + ");
    expression += b == 1 ? std::to_string(a) : fmt::format("{} * {}", a, b);
  }
  return gym_record("basic_arithmetic", fmt::format("Calculate {}.", expression),
                    std::to_string(value), "arithmetic", {{"expression", expression}});
}

Json products(Random& random) {
  const auto digits = random.integer(1, 4);
  const auto a = of_digits(random, digits);
  const auto b = of_digits(random, digits);
  return gym_record(
      "products",
      fmt::format("Solve the following multiplication: {} * {}. Give only the result as your final "
                  "answer.",
                  a, b),
      std::to_string(a * b), "arithmetic", {{"expression", fmt::format("{} * {}", a, b)}});
}

Json gcd(Random& random) {
  const auto factor = random.integer(1, 30);
  const auto a = factor * random.integer(1, 40);
  const auto b = factor * random.integer(1, 40);
  return gym_record(
      "gcd",
      fmt::format("Find the Greatest Common Divisor (GCD) of these numbers: {}, {}. Give only the "
                  "GCD as your final answer.",
                  a, b),
      std::to_string(std::gcd(a, b)), "mathematics", {{"numbers", {a, b}}});
}

Json lcm(Random& random) {
  const auto a = random.integer(2, 120);
  const auto b = random.integer(2, 120);
  return gym_record(
      "lcm", fmt::format("Find the Least Common Multiple (LCM) of these numbers: {}, {}", a, b),
      std::to_string(std::lcm(a, b)), "mathematics", {{"numbers", {a, b}}});
}

Json prime_factorization(Random& random) {
  const auto number = random.integer(2, 2000);
  std::vector<std::int64_t> factors;
  std::int64_t rest = number;
  for (std::int64_t p = 2; p * p <= rest; ++p)
    for (; rest % p == 0; rest /= p) factors.push_back(p);
  if (rest > 1) factors.push_back(rest);
  return gym_record(
      "prime_factorization",
      fmt::format("Find the prime factorization of {}. Write the factors separated by × (Example: "
                  "for 12 the answer would be: 2 × 2 × 3)",
                  number),
      fmt::format("{}", fmt::join(factors, " × ")), "mathematics",
      {{"number", number}, {"factors", factors}});
}

Json count_bits(Random& random) {
  const auto number = random.integer(1, std::int64_t{1} << random.integer(4, 31));
  const auto bits = std::bitset<64>(static_cast<std::uint64_t>(number)).count();
  return gym_record("count_bits",
                    fmt::format("How many 1 bits are there in the binary representation of the "
                                "number {}?",
                                number),
                    std::to_string(bits), "mathematics", {{"number", number}});
}

Json base_conversion(Random& random) {
  const auto value = random.integer(0, 1000);
  const auto source = random.integer(2, 16);
  auto target = random.integer(2, 15);
  if (target >= source) ++target;
  return gym_record(
      "base_conversion",
      fmt::format("Your task is to convert a number between two different bases.\n\nIf the target "
                  "base is > 10, use lowercase letters a-z for digits above 9.\n\nNow, convert the "
                  "{} number {} to {}",
                  base_name(source), in_base(value, source), base_name(target)),
      in_base(value, target), "mathematics",
      {{"decimal_value", value}, {"source_base", source}, {"target_base", target}});
}

Json fraction_simplification(Random& random) {
  const auto a = random.integer(1, 300);
  const auto b = random.integer(2, 300);
  const auto factor = random.integer(2, 40);
  const auto common = std::gcd(a, b);
  const bool latex = random.integer(0, 1) == 1;
  const auto write = [latex](std::int64_t top, std::int64_t bottom) {
    return latex ? fmt::format("$\\frac{{{}}}{{{}}}$", top, bottom)
                 : fmt::format("{}/{}", top, bottom);
  };
  return gym_record(
      "fraction_simplification",
      fmt::format("Simplify the fraction {} to its lowest terms. Give only the simplified fraction "
                  "as your final answer.",
                  write(a * factor, b * factor)),
      write(a / common, b / common), "mathematics",
      {{"numerator", a * factor},
       {"denominator", b * factor},
       {"simplified_numerator", a / common},
       {"simplified_denominator", b / common}});
}

Json simple_equations(Random& random) {
  constexpr std::array<char, 10> kLetters{'a', 'b', 'k', 'm', 'n', 'p', 'u', 'w', 'x', 'y'};
  const char letter = choose(random, kLetters);
  const auto factor = random.integer(2, 60);
  const auto value = random.integer(1, 99);
  const auto constant = random.integer(1, 300);
  const auto kind = random.integer(0, 2);
  std::string equation;
  if (kind == 0)
    equation = fmt::format("{}*{} + {} = {}", factor, letter, constant, factor * value + constant);
  if (kind == 1)
    equation = fmt::format("{} - {}*{} = {}", constant, factor, letter, constant - factor * value);
  if (kind == 2)
    equation = fmt::format("{}*{} - {} = {}", factor, letter, constant, factor * value - constant);
  const bool find = random.integer(0, 1) == 1;
  return gym_record(
      "simple_equations",
      find ? fmt::format("Find the value of {} in the equation: {}", letter, equation)
           : fmt::format("Determine the value of {} that satisfies: {}", letter, equation),
      std::to_string(value), "mathematics",
      {{"equation", equation}, {"variable", std::string(1, letter)}});
}

Json number_sorting(Random& random) {
  const auto count = random.integer(3, 8);
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(random.integer(-9999, 9999));
  const auto write = [](const std::vector<std::int64_t>& numbers) {
    std::vector<std::string> texts;
    for (const auto number : numbers) texts.push_back(hundredths(number));
    return texts;
  };
  const auto shown = write(values);
  const bool ascending = random.integer(0, 1) == 1;
  std::sort(values.begin(), values.end());
  if (!ascending) std::reverse(values.begin(), values.end());
  const char* direction = ascending ? "ascending" : "descending";
  return gym_record(
      "number_sorting",
      fmt::format("Sort these numbers in {} order: {}\nAnswer with a list of the numbers as "
                  "strings in square brackets, for example ['-69', '-13.5', '1', '7'].",
                  direction, fmt::join(shown, ", ")),
      fmt::format("['{}']", fmt::join(write(values), "', '")), "mathematics",
      {{"direction", direction}, {"original_numbers", shown}});
}

}  // namespace r1::data::tasks
