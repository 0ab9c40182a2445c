// Generated problems: reproducible, of many kinds, and right where that can be checked without
// solving them.
#include "data/generators.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;

Json make(const std::string& name, std::uint64_t seed) {
  base::RandomStream random(seed);
  return find_generator(name)(random);
}

/// Atoms of "C2H5OH" (no brackets).
std::map<std::string, int> atoms(const std::string& formula) {
  std::map<std::string, int> counts;
  for (std::size_t at = 0; at < formula.size();) {
    std::string element(1, formula[at++]);
    while (at < formula.size() && std::islower(static_cast<unsigned char>(formula[at])) != 0)
      element += formula[at++];
    std::string digits;
    while (at < formula.size() && std::isdigit(static_cast<unsigned char>(formula[at])) != 0)
      digits += formula[at++];
    counts[element] += digits.empty() ? 1 : std::stoi(digits);
  }
  return counts;
}

/// Solutions of a sudoku, counted up to 2.
int solutions(std::vector<std::vector<int>>& grid, int box) {
  const int n = box * box;
  for (int r = 0; r < n; ++r)
    for (int c = 0; c < n; ++c) {
      if (grid[r][c] != 0) continue;
      int found = 0;
      for (int digit = 1; digit <= n && found < 2; ++digit) {
        bool fits = true;
        for (int k = 0; k < n; ++k)
          fits = fits && grid[r][k] != digit && grid[k][c] != digit &&
                 grid[r / box * box + k / box][c / box * box + k % box] != digit;
        if (!fits) continue;
        grid[r][c] = digit;
        found += solutions(grid, box);
        grid[r][c] = 0;
      }
      return found;
    }
  return 1;
}

}  // namespace

TEST(Generators, AreAFunctionOfTheSeed) {
  for (const std::string& name : generator_list()) {
    EXPECT_EQ(make(name, 5), make(name, 5)) << name;
    std::set<std::string> problems;
    for (std::uint64_t seed = 0; seed < 40; ++seed)
      problems.insert(make(name, seed).at("problem").get<std::string>());
    EXPECT_GT(problems.size(), 20u) << name;
  }
}

TEST(Generators, EachRecordCanBeScored) {
  for (const std::string& name : generator_list())
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const Json record = make(name, seed);
      EXPECT_FALSE(record.at("type").get<std::string>().empty()) << name;
      if (record.contains("tests")) {
        EXPECT_GE(record["tests"].size(), 5u);
        for (const auto& test : record["tests"]) {
          EXPECT_TRUE(test.at("input").is_string());
          EXPECT_EQ(test.at("output").get<std::string>().back(), '\n');
        }
      } else {
        EXPECT_FALSE(record.at("answer").get<std::string>().empty()) << name;
      }
      if (record.contains("metadata")) {
        EXPECT_EQ(record["metadata"]["source_dataset"], name);
      }
    }
}

TEST(Generators, CoverTheGuidesFiveDomains) {
  std::set<std::string> types;
  for (const std::string& name : generator_list()) types.insert(make(name, 1)["type"]);
  for (const char* type : {"mathematics", "physics", "chemistry", "logic", "code"})
    EXPECT_TRUE(types.count(type)) << type;
}

TEST(Generators, SudokusHaveOneSolution) {
  for (const auto& [name, box] : {std::pair{"mini_sudoku", 2}, {"sudoku", 3}})
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
      const Json record = make(name, seed);
      auto grid = record["metadata"]["puzzle"].get<std::vector<std::vector<int>>>();
      EXPECT_EQ(solutions(grid, box), 1) << record["problem"];
    }
}

TEST(Generators, EquationsAreBalanced) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Json record = make("balance_equation", seed);
    std::string text = record["problem"];
    text = text.substr(21, text.find(" with") - 21);
    const auto arrow = text.find(" -> ");
    const auto numbers = split_at(record["answer"].get<std::string>(), ", ");
    std::map<std::string, int> balance;
    std::size_t place = 0;
    for (const auto& [side, sign] :
         {std::pair{text.substr(0, arrow), 1}, {text.substr(arrow + 4), -1}})
      for (const std::string& formula : split_at(side, " + ")) {
        ASSERT_LT(place, numbers.size());
        for (const auto& [element, count] : atoms(formula))
          balance[element] += sign * count * std::stoi(numbers[place]);
        ++place;
      }
    for (const auto& [element, difference] : balance)
      EXPECT_EQ(difference, 0) << element << " in " << record["problem"];
  }
}

TEST(Generators, KnownProblemsHaveTheirKnownAnswers) {
  // Each answer follows from the numbers in the record's metadata.
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Json factors = make("prime_factorization", seed)["metadata"];
    std::int64_t product = 1;
    for (const auto& factor : factors["factors"]) product *= factor.get<std::int64_t>();
    EXPECT_EQ(product, factors["number"].get<std::int64_t>());
    const Json base = make("base_conversion", seed);
    EXPECT_EQ(std::stoll(base["answer"].get<std::string>(), nullptr,
                         base["metadata"]["target_base"].get<int>()),
              base["metadata"]["decimal_value"].get<std::int64_t>());
    const Json cipher = make("caesar_cipher", seed);
    std::string text = cipher["metadata"]["cipher_text"];
    for (char& c : text)
      if (c != ' ')
        c = static_cast<char>('A' +
                              (c - 'A' + 26 - cipher["metadata"]["rotation"].get<int>()) % 26);
    EXPECT_EQ(text, cipher["answer"]);
    const Json spiral = make("spiral_matrix", seed);
    auto cells = split_whitespace(spiral["answer"].get<std::string>());
    std::vector<std::string> all;
    for (const auto& row : spiral["metadata"]["matrix"])
      for (const auto& cell : row) all.push_back(cell.dump());
    EXPECT_TRUE(std::is_permutation(cells.begin(), cells.end(), all.begin(), all.end()));
  }
}

}  // namespace r1::data
