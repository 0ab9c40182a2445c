// Programming problems with tests: a program reads standard input and prints the answer.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "data/generators/support.h"
#include "data/generators/tasks.h"

namespace r1::data::tasks {
namespace {

using Numbers = std::vector<std::int64_t>;

/// What a problem asks of a list of integers.
struct ListProblem {
  std::string text;
  std::int64_t (*solve)(const Numbers&, std::int64_t);
  std::int64_t low, high;  // of its parameter
};

const std::vector<ListProblem>& list_problems() {
  static const std::vector<ListProblem> table{
      {"the sum of those that are divisible by {}",
       [](const Numbers& v, std::int64_t k) {
         return std::accumulate(
             v.begin(), v.end(), std::int64_t{0},
             [k](std::int64_t s, std::int64_t x) { return x % k == 0 ? s + x : s; });
       },
       2, 12},
      {"how many of them are greater than {}",
       [](const Numbers& v, std::int64_t k) {
         return static_cast<std::int64_t>(
             std::count_if(v.begin(), v.end(), [k](std::int64_t x) { return x > k; }));
       },
       -50, 50},
      {"the largest sum of {} neighbouring ones (0 if there are fewer)",
       [](const Numbers& v, std::int64_t k) {
         std::int64_t best = 0;
         for (std::size_t i = 0; i + static_cast<std::size_t>(k) <= v.size(); ++i) {
           const auto begin = v.begin() + static_cast<std::ptrdiff_t>(i);
           const auto sum = std::accumulate(begin, begin + k, std::int64_t{0});
           best = i == 0 ? sum : std::max(best, sum);
         }
         return best;
       },
       2, 5},
      {"the number of pairs of positions i < j whose numbers add up to {}",
       [](const Numbers& v, std::int64_t k) {
         std::int64_t pairs = 0;
         for (std::size_t i = 0; i < v.size(); ++i)
           for (std::size_t j = i + 1; j < v.size(); ++j) pairs += v[i] + v[j] == k ? 1 : 0;
         return pairs;
       },
       -10, 30},
      {"the sum of the digits of their absolute values, times {}",
       [](const Numbers& v, std::int64_t k) {
         std::int64_t digits = 0;
         for (std::int64_t x : v)
           for (x = std::abs(x); x > 0; x /= 10) digits += x % 10;
         return digits * k;
       },
       1, 40},
      {"the number of different values among their remainders (0 or positive) modulo {}",
       [](const Numbers& v, std::int64_t k) {
         std::vector<std::int64_t> rest;
         for (const std::int64_t x : v) rest.push_back(((x % k) + k) % k);
         std::sort(rest.begin(), rest.end());
         return static_cast<std::int64_t>(std::unique(rest.begin(), rest.end()) - rest.begin());
       },
       2, 20},
  };
  return table;
}

Json list_problem(Random& random) {
  const auto& table = list_problems();
  const auto& problem = table[static_cast<std::size_t>(
      random.integer(0, static_cast<std::int64_t>(table.size()) - 1))];
  const auto parameter = random.integer(problem.low, problem.high);
  const auto offset = random.integer(0, 99);  // makes one kind into many problems
  Json tests = Json::array();
  for (int i = 0; i < 6; ++i) {
    Numbers values(static_cast<std::size_t>(i == 0 ? 1 : random.integer(2, 12)));
    for (auto& value : values) value = random.integer(-60, 60);
    tests.push_back({{"input", fmt::format("{}\n{}\n", values.size(), fmt::join(values, " "))},
                     {"output", fmt::format("{}\n", problem.solve(values, parameter) + offset)}});
  }
  Json out = record(
      fmt::format("Write a Python program. The first line of the standard input holds an integer "
                  "n, the second line n integers. Print {}{}.",
                  fmt::format(fmt::runtime(problem.text), parameter),
                  offset == 0 ? "" : fmt::format(", plus {}", offset)),
      "", "code");
  out["tests"] = tests;
  return out;
}

std::string run_lengths(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of(text[at], at), text.size());
    out += fmt::format("{}{}", text[at], end - at);
    at = end;
  }
  return out;
}

std::string shifted(std::string text, std::int64_t by) {
  for (char& c : text) c = static_cast<char>('a' + (c - 'a' + by) % 26);
  return text;
}

std::string repeated_letters(Random& random) {
  std::string text;
  for (std::int64_t runs = random.integer(1, 6); runs > 0; --runs)
    text += std::string(static_cast<std::size_t>(random.integer(1, 5)),
                        static_cast<char>('a' + random.integer(0, 25)));
  return text;
}

Json text_problem(Random& random) {
  const auto kind = random.integer(0, 2);
  const auto parameter = random.integer(1, 25);
  constexpr std::array<const char*, 3> kTexts{
      "the word with each letter replaced by the one {} places later in the alphabet, z followed "
      "by a",
      "the word's run-length code (each run of equal letters as the letter and the run's length), "
      "after each letter was moved {} places on in the alphabet, z followed by a",
      "the word turned to the left by {} places (its first letters go to its end, again and again "
      "when it is shorter)"};
  Json tests = Json::array();
  for (int i = 0; i < 6; ++i) {
    const std::string word = repeated_letters(random);
    std::string expected = shifted(word, parameter);
    if (kind == 1) expected = run_lengths(expected);
    if (kind == 2) {
      expected = word;
      const auto turn = static_cast<std::size_t>(parameter) % word.size();
      std::rotate(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(turn),
                  expected.end());
    }
    tests.push_back({{"input", word + "\n"}, {"output", expected + "\n"}});
  }
  Json out = record(
      fmt::format("Write a Python program that reads one word of lower case letters from the "
                  "standard input and prints {}.",
                  fmt::format(fmt::runtime(kTexts[static_cast<std::size_t>(kind)]), parameter)),
      "", "code");
  out["tests"] = tests;
  return out;
}

}  // namespace

Json code_problem(Random& random) {
  return random.integer(0, 3) == 0 ? text_problem(random) : list_problem(random);
}

}  // namespace r1::data::tasks
