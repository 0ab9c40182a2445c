#include "data/generators/support.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace r1::data::tasks {
namespace {

constexpr std::array<const char*, 12> kNames{"Ada", "Ben",  "Chloe", "Dan",  "Eun",  "Fay",
                                             "Gil", "Hana", "Ivan",  "Joon", "Kira", "Leo"};

constexpr std::array<const char*, 96> kWords{
    "apple",   "river",   "stone",    "cloud",    "garden",  "window",   "summer",  "winter",
    "yellow",  "purple",  "mountain", "ocean",    "forest",  "desert",   "island",  "bridge",
    "castle",  "market",  "village",  "harbor",   "lantern", "candle",   "mirror",  "basket",
    "pencil",  "letter",  "number",   "circle",   "square",  "triangle", "engine",  "rocket",
    "planet",  "galaxy",  "comet",    "shadow",   "thunder", "breeze",   "meadow",  "valley",
    "canyon",  "glacier", "volcano",  "crystal",  "copper",  "silver",   "golden",  "marble",
    "feather", "falcon",  "sparrow",  "rabbit",   "turtle",  "dolphin",  "panther", "leopard",
    "violin",  "guitar",  "trumpet",  "melody",   "rhythm",  "chorus",   "ballad",  "poem",
    "story",   "chapter", "library",  "museum",   "theater", "kitchen",  "recipe",  "pepper",
    "ginger",  "honey",   "lemon",    "orange",   "banana",  "cherry",   "walnut",  "almond",
    "journey", "compass", "anchor",   "captain",  "sailor",  "soldier",  "doctor",  "teacher",
    "student", "painter", "builder",  "question", "answer",  "reason",   "idea",    "sun"};

}  // namespace

Json record(const std::string& problem, const std::string& answer, const char* type) {
  return {{"problem", problem}, {"answer", answer}, {"type", type}, {"level", "generated"}};
}

Json gym_record(const char* task, const std::string& problem, const std::string& answer,
                const char* type, Json metadata) {
  Json out = record(problem, answer, type);
  metadata["source_dataset"] = task;
  out["metadata"] = std::move(metadata);
  return out;
}

std::vector<std::string> some_names(Random& random, std::size_t n) {
  std::vector<std::string> pool(kNames.begin(), kNames.end());
  for (std::size_t i = 0; i < n; ++i)
    std::swap(pool[i],
              pool[static_cast<std::size_t>(random.integer(
                  static_cast<std::int64_t>(i), static_cast<std::int64_t>(pool.size()) - 1))]);
  pool.resize(n);
  return pool;
}

std::vector<std::string> some_words(Random& random, std::size_t n) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < n; ++i) words.emplace_back(choose(random, kWords));
  return words;
}

std::string matrix_text(const std::vector<std::vector<std::int64_t>>& matrix) {
  std::string text;
  for (const auto& row : matrix)
    text += fmt::format("{}{}", text.empty() ? "" : "\n", fmt::join(row, " "));
  return text;
}

}  // namespace r1::data::tasks
