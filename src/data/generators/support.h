#pragma once
// What the generators share: records, choices, names and words.
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace r1::data::tasks {

using Json = nlohmann::json;
using Random = base::RandomStream;

/// {problem, answer, type, level}. `type` is the domain: mathematics, physics, chemistry, logic,
/// code, ...
Json record(const std::string& problem, const std::string& answer, const char* type);
/// The same with "metadata" as reasoning-gym writes it, by which the puzzle reward finds the task's
/// scorer.
Json gym_record(const char* task, const std::string& problem, const std::string& answer,
                const char* type, Json metadata = Json::object());

template <class T, std::size_t N>
const T& choose(Random& random, const std::array<T, N>& values) {
  return values[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(N) - 1))];
}

/// Fisher-Yates.
template <class T>
void shuffle(Random& random, std::vector<T>& values) {
  for (std::size_t i = values.size(); i > 1; --i)
    std::swap(
        values[i - 1],
        values[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i) - 1))]);
}

/// `n` different first names, at most 12.
std::vector<std::string> some_names(Random& random, std::size_t n);
/// `n` English words of 3 to 10 letters, in lower case; may repeat.
std::vector<std::string> some_words(Random& random, std::size_t n);
/// Rows of cells parted by spaces.
std::string matrix_text(const std::vector<std::vector<std::int64_t>>& matrix);

}  // namespace r1::data::tasks
