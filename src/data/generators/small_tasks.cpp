// Small tasks of the guide's domains: sums, countdown, equations, units, molar masses, logic.
#include "data/generators/tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "data/generators/support.h"

namespace r1::data::tasks {
namespace {

Json sum(std::int64_t a, std::int64_t b) {
  return record(fmt::format("What is {} + {}?", a, b), std::to_string(a + b), "arithmetic");
}

Json sum_and_difference(std::int64_t a, std::int64_t b, std::int64_t c) {
  return record(fmt::format("What is {} + {} - {}?", a, b, c), std::to_string(a + b - c),
                "arithmetic");
}

/// An answer that is a word: upper and lower case are the same.
Json word_record(const std::string& problem, const std::string& answer, const char* type) {
  Json out = record(problem, answer, type);
  out["scorer"] = "caseless";
  return out;
}

/// Tenths as a decimal without a closing zero.
std::string tenths(std::int64_t value) {
  return value % 10 == 0 ? std::to_string(value / 10)
                         : fmt::format("{}.{}", value / 10, value % 10);
}

}  // namespace

Json add1(Random& random) {
  return sum(random.integer(1, 9), random.integer(1, 9));
}

Json add20(Random& random) {
  const auto a = random.integer(1, 20);
  return sum(a, random.integer(1, 20));
}

Json add12(Random& random) {
  const auto a = random.integer(10, 99);
  return sum(a, random.integer(1, 9));
}

Json add2(Random& random) {
  const auto a = random.integer(10, 99);
  return sum(a, random.integer(10, 99));
}

Json addsub1(Random& random) {
  const auto a = random.integer(1, 9);
  const auto b = random.integer(1, 9);
  return sum_and_difference(a, b, random.integer(1, std::min<std::int64_t>(9, a + b)));
}

Json addsub2(Random& random) {
  const auto a = random.integer(10, 99);
  const auto b = random.integer(10, 99);
  return sum_and_difference(a, b, random.integer(10, 99));
}

Json countdown(Random& random) {
  // Built forwards from a solution: ((a op b) op c) [op d].
  std::vector<std::int64_t> numbers;
  std::string solution;
  std::int64_t value = 0;
  const auto count = random.integer(3, 4);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto n = random.integer(1, 25);
    numbers.push_back(n);
    const auto op = i == 0 ? 0 : random.integer(0, 2);
    if (i == 0) {
      value = n;
      solution = std::to_string(n);
    } else if (op == 2 && value != 0 && std::abs(value * n) <= 500) {
      value *= n;
      solution = fmt::format("({}) * {}", solution, n);
    } else if (op == 1 && value > n) {
      value -= n;
      solution = fmt::format("{} - {}", solution, n);
    } else {
      value += n;
      solution = fmt::format("{} + {}", solution, n);
    }
  }
  std::vector<std::int64_t> shown = numbers;
  std::sort(shown.begin(), shown.end());
  Json out = record(
      fmt::format("Using each of the numbers {} exactly once, and the operations + - * /, write an "
                  "expression that equals {}.",
                  fmt::join(shown, ", "), value),
      solution, "countdown");
  out["numbers"] = shown;
  out["target"] = value;
  return out;
}

Json linear_equation(Random& random) {
  const auto a = random.integer(2, 12);
  const auto x = random.integer(-15, 15);
  const auto b = random.integer(1, 40);
  const bool minus = random.integer(0, 1) == 1;
  return record(fmt::format("Solve for x: {}x {} {} = {}", a, minus ? '-' : '+', b,
                            minus ? a * x - b : a * x + b),
                std::to_string(x), "mathematics");
}

Json sequence(Random& random) {
  const auto kind = random.integer(0, 2);
  const auto first = random.integer(1, 12);
  const auto step = random.integer(2, 9);
  std::vector<std::int64_t> terms{first};
  for (int i = 1; i < 6; ++i) {
    if (kind == 0) terms.push_back(terms.back() + step);
    if (kind == 1) terms.push_back(terms.back() * (step % 3 + 2));
    if (kind == 2) terms.push_back(terms.back() + step + i);
  }
  const auto answer = terms.back();
  terms.pop_back();
  return record(
      fmt::format("What is the next number of the sequence {}, ...?", fmt::join(terms, ", ")),
      std::to_string(answer), "mathematics");
}

Json comparison(Random& random) {
  auto a = random.integer(1, 11);
  auto b = random.integer(2, 12);
  auto c = random.integer(1, 11);
  auto d = random.integer(2, 12);
  if (a * d == c * b) ++a;
  const bool first = a * d > c * b;
  const bool larger = random.integer(0, 1) == 1;
  return record(fmt::format("Which is {}, {}/{} or {}/{}? Answer with the fraction.",
                            larger ? "larger" : "smaller", a, b, c, d),
                first == larger ? fmt::format("{}/{}", a, b) : fmt::format("{}/{}", c, d),
                "mathematics");
}

Json unit_conversion(Random& random) {
  struct Conversion {
    const char* from;
    const char* to;
    std::int64_t factor;
  };
  constexpr std::array<Conversion, 8> kConversions{{{"km", "m", 1000},
                                                    {"m", "cm", 100},
                                                    {"kg", "g", 1000},
                                                    {"hours", "minutes", 60},
                                                    {"minutes", "seconds", 60},
                                                    {"litres", "millilitres", 1000},
                                                    {"kilojoules", "joules", 1000},
                                                    {"days", "hours", 24}}};
  const Conversion c = choose(random, kConversions);
  const auto amount = random.integer(2, 995);  // tenths
  return record(fmt::format("How many {} are {} {}?", c.to, tenths(amount), c.from),
                tenths(amount * c.factor), "physics");
}

Json motion(Random& random) {
  const auto speed = random.integer(2, 60);
  const auto time = random.integer(2, 45);
  const auto distance = speed * time;
  switch (random.integer(0, 2)) {
    case 0:
      return record(fmt::format("A body moves at {} m/s for {} s. How many metres does it travel?",
                                speed, time),
                    std::to_string(distance), "physics");
    case 1:
      return record(
          fmt::format("A body travels {} m in {} s at constant speed. What is its speed in m/s?",
                      distance, time),
          std::to_string(speed), "physics");
    default:
      return record(fmt::format("A force accelerates {} kg at {} m/s^2. How many newtons is it?",
                                time, speed),
                    std::to_string(distance), "physics");
  }
}

Json molar_mass(Random& random) {
  struct Element {
    const char* symbol;
    std::int64_t mass;  // g/mol, rounded, times ten
  };
  constexpr std::array<Element, 10> kElements{{{"H", 10},
                                               {"C", 120},
                                               {"N", 140},
                                               {"O", 160},
                                               {"Na", 230},
                                               {"Mg", 243},
                                               {"S", 321},
                                               {"Cl", 355},
                                               {"K", 391},
                                               {"Ca", 401}}};
  const auto first = random.integer(0, 9);
  const auto second = (first + random.integer(1, 9)) % 10;
  const auto n = random.integer(1, 6);
  const auto m = random.integer(1, 6);
  const auto part = [](const Element& e, std::int64_t count) {
    return count == 1 ? std::string(e.symbol) : fmt::format("{}{}", e.symbol, count);
  };
  const Element& a = kElements[static_cast<std::size_t>(first)];
  const Element& b = kElements[static_cast<std::size_t>(second)];
  return record(
      fmt::format("With atomic masses {} = {} and {} = {} g/mol, what is the mass of one mole "
                  "with the formula {}{}, in grams?",
                  a.symbol, tenths(a.mass), b.symbol, tenths(b.mass), part(a, n), part(b, m)),
      tenths(n * a.mass + m * b.mass), "chemistry");
}

Json syllogism(Random& random) {
  constexpr std::array<const char*, 8> kGroups{"painters",  "runners", "singers", "chemists",
                                               "gardeners", "sailors", "poets",   "bakers"};
  const auto i = random.integer(0, 7);
  const auto j = (i + random.integer(1, 7)) % 8;
  const char* a = kGroups[static_cast<std::size_t>(i)];
  const char* b = kGroups[static_cast<std::size_t>(j)];
  const std::string name = some_names(random, 1).front();
  switch (random.integer(0, 3)) {
    case 0:
      return word_record(
          fmt::format("All {} are {}. {} is one of the {}. Is {} one of the {}? Answer yes, "
                      "no or unknown.",
                      a, b, name, a, name, b),
          "yes", "logic");
    case 1:
      return word_record(
          fmt::format("All {} are {}. {} is one of the {}. Is {} one of the {}? Answer yes, "
                      "no or unknown.",
                      a, b, name, b, name, a),
          "unknown", "logic");
    case 2:
      return word_record(
          fmt::format("No {} are {}. {} is one of the {}. Is {} one of the {}? Answer yes, "
                      "no or unknown.",
                      a, b, name, a, name, b),
          "no", "logic");
    default:
      return word_record(
          fmt::format("Some {} are {}. {} is one of the {}. Is {} one of the {}? Answer yes, "
                      "no or unknown.",
                      a, b, name, a, name, b),
          "unknown", "logic");
  }
}

Json ordering(Random& random) {
  const auto names = some_names(random, 4);  // from tallest to shortest
  const bool tallest = random.integer(0, 1) == 1;
  std::vector<std::string> facts;
  for (std::size_t i = 0; i + 1 < names.size(); ++i)
    facts.push_back(random.integer(0, 1) == 1
                        ? fmt::format("{} is taller than {}.", names[i], names[i + 1])
                        : fmt::format("{} is shorter than {}.", names[i + 1], names[i]));
  std::swap(facts[0], facts[static_cast<std::size_t>(random.integer(0, 2))]);
  return word_record(
      fmt::format("{} Who is the {}?", fmt::join(facts, " "), tallest ? "tallest" : "shortest"),
      tallest ? names.front() : names.back(), "logic");
}

Json code_output(Random& random) {
  const auto n = random.integer(3, 9);
  const auto a = random.integer(1, 6);
  const auto start = random.integer(0, 9);
  const bool product = random.integer(0, 1) == 1;
  std::int64_t value = start;
  for (std::int64_t i = 1; i < n; ++i) value += product ? a * i : (i % 2 == 0 ? a : -i);
  const std::string body = product ? fmt::format("total += {} * i", a)
                                   : fmt::format("total += {} if i % 2 == 0 else -i", a);
  return record(
      fmt::format("What does this Python program print?\n\ntotal = {}\nfor i in range(1, {}):\n"
                  "    {}\nprint(total)",
                  start, n, body),
      std::to_string(value), "code");
}

}  // namespace r1::data::tasks
