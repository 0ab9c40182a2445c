// Letters, words and lists of them in reasoning-gym's tasks and answer formats.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/generators/support.h"
#include "data/generators/tasks.h"

namespace r1::data::tasks {
namespace {

struct Animal {
  const char* name;
  std::int64_t legs;
};

constexpr std::array<Animal, 16> kAnimals{{{"snake", 0},
                                           {"flatworm", 0},
                                           {"chicken", 2},
                                           {"duck", 2},
                                           {"dog", 4},
                                           {"cow", 4},
                                           {"horse", 4},
                                           {"tiger", 4},
                                           {"elephant", 4},
                                           {"starfish", 5},
                                           {"ant", 6},
                                           {"bee", 6},
                                           {"spider", 8},
                                           {"scorpion", 8},
                                           {"crab", 10},
                                           {"lobster", 10}}};

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

}  // namespace

Json letter_counting(Random& random) {
  const auto words = some_words(random, static_cast<std::size_t>(random.integer(4, 14)));
  const std::string text = fmt::format("{}", fmt::join(words, " "));
  const std::string& source = words[static_cast<std::size_t>(
      random.integer(0, static_cast<std::int64_t>(words.size()) - 1))];
  const char letter = source[static_cast<std::size_t>(
      random.integer(0, static_cast<std::int64_t>(source.size()) - 1))];
  return gym_record("letter_counting",
                    fmt::format("How many times does the letter \"{}\" appear in the text: \"{}\"?",
                                letter, text),
                    std::to_string(std::count(text.begin(), text.end(), letter)), "logic",
                    {{"target_letter", std::string(1, letter)}, {"span", words}});
}

Json spell_backward(Random& random) {
  // Two words joined, so that there are thousands.
  const auto parts = some_words(random, 2);
  const std::string word = random.integer(0, 3) == 0 ? parts[0] : parts[0] + parts[1];
  return gym_record("spell_backward",
                    fmt::format("Spell this word backward (example: sun -> nus): {}", word),
                    std::string(word.rbegin(), word.rend()), "logic", {{"word", word}});
}

Json word_sorting(Random& random) {
  auto words = some_words(random, static_cast<std::size_t>(random.integer(3, 9)));
  for (std::string& word : words)
    if (random.integer(0, 3) == 0) word = upper(word);
  auto sorted = words;
  std::sort(sorted.begin(), sorted.end());
  const bool ascending = random.integer(0, 1) == 1;
  if (!ascending) std::reverse(sorted.begin(), sorted.end());
  const char* direction = ascending ? "ascending" : "descending";
  return gym_record(
      "word_sorting",
      fmt::format("Sort these words in {} order (using ASCII/Unicode ordering) and return them as "
                  "a comma-separated list, e.g. word_1, word_2, word_3: {}",
                  direction, fmt::join(words, ", ")),
      fmt::format("{}", fmt::join(sorted, ", ")), "logic",
      {{"direction", direction}, {"original_words", words}, {"sorted_words", sorted}});
}

Json word_sequence_reversal(Random& random) {
  auto words = some_words(random, static_cast<std::size_t>(random.integer(3, 9)));
  const std::string shown = fmt::format("{}", fmt::join(words, ", "));
  std::reverse(words.begin(), words.end());
  return gym_record("word_sequence_reversal",
                    fmt::format("Reverse this list of words, and answer with a comma-separated "
                                "list with a space after the comma: {}",
                                shown),
                    fmt::format("{}", fmt::join(words, ", ")), "logic");
}

Json caesar_cipher(Random& random) {
  const auto words = some_words(random, static_cast<std::size_t>(random.integer(2, 6)));
  const std::string clear = upper(fmt::format("{}", fmt::join(words, " ")));
  const auto rotation = random.integer(1, 25);
  std::string cipher = clear;
  for (char& c : cipher)
    if (c != ' ') c = static_cast<char>('A' + (c - 'A' + rotation) % 26);
  return gym_record("caesar_cipher",
                    fmt::format("Decrypt this Caesar cipher text: {}. Provide only the decrypted "
                                "text as your final answer.",
                                cipher),
                    clear, "logic", {{"rotation", rotation}, {"cipher_text", cipher}});
}

Json leg_counting(Random& random) {
  std::vector<Animal> pool(kAnimals.begin(), kAnimals.end());
  shuffle(random, pool);
  const auto kinds = static_cast<std::size_t>(random.integer(3, 6));
  std::vector<std::string> shown;
  std::int64_t legs = 0;
  Json counts = Json::object();
  for (std::size_t i = 0; i < kinds; ++i) {
    const auto count = random.integer(1, 15);
    shown.push_back(fmt::format("{} {}{}", count, pool[i].name, count > 1 ? "s" : ""));
    counts[pool[i].name] = count;
    legs += count * pool[i].legs;
  }
  return gym_record(
      "leg_counting",
      fmt::format("How many legs are there in total if you have {}?", fmt::join(shown, ", ")),
      std::to_string(legs), "arithmetic", {{"animals", counts}});
}

}  // namespace r1::data::tasks
