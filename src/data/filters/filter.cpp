#include "data/filters/filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "base/errors.h"
#include "data/fields.h"
#include "data/text.h"

namespace r1::data {
namespace {

std::string text_of(const nlohmann::json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string last_turn(const nlohmann::json& record, const std::string& role) {
  const auto turns = turns_of(record);
  for (auto turn = turns.rbegin(); turn != turns.rend(); ++turn)
    if ((*turn)["role"] == role) return turn_text(*turn);
  return {};
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kBytes = 120;
  if (text.size() <= kBytes) return text;
  std::size_t end = kBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

nlohmann::json FilterReport::to_json() const {
  auto lines = nlohmann::json::array();
  for (const BadLine& bad : bad_lines)
    lines.push_back({{"file", bad.file}, {"line", bad.line}, {"reason", bad.reason}});
  return {{"seen", seen},
          {"kept", kept},
          {"dropped", dropped},
          {"examples", examples},
          {"bad_lines", lines}};
}

std::string FilterReport::to_text() const {
  const auto share = [this](std::int64_t n) {
    return 100.0 * static_cast<double>(n) / static_cast<double>(std::max<std::int64_t>(1, seen));
  };
  std::string text = fmt::format("{} of {} records kept ({:.2f} %)\n", kept, seen, share(kept));
  for (const auto& [reason, count] : dropped) {
    text += fmt::format("\ndropped: {}: {} ({:.2f} %)\n", reason, count, share(count));
    const auto found = examples.find(reason);
    if (found == examples.end()) continue;
    for (const std::string& example : found->second)
      text += "  " + fmt::format("{}", fmt::join(split_whitespace(example), " ")) + "\n";
  }
  if (!bad_lines.empty()) text += fmt::format("\nunreadable lines: {}\n", bad_lines.size());
  for (const BadLine& bad : bad_lines)
    text += fmt::format("  {}:{}: {}\n", bad.file, bad.line, bad.reason);
  return text;
}

bool FilterChain::keep(const nlohmann::json& record, const nlohmann::json& original) {
  ++report_.seen;
  for (const RecordCheck& check : checks_) {
    const std::string reason = check(record);
    if (reason.empty()) continue;
    ++report_.dropped[reason];
    constexpr std::size_t kExamples = 5;
    auto& examples = report_.examples[reason];
    if (examples.size() < kExamples)
      examples.push_back(shortened(question_of(record.is_null() ? original : record)));
    return false;
  }
  ++report_.kept;
  return true;
}

std::vector<nlohmann::json> FilterChain::apply(std::vector<nlohmann::json> records) {
  std::erase_if(records, [this](const nlohmann::json& record) { return !keep(record); });
  return records;
}

nlohmann::json turns_of(const nlohmann::json& record) {
  for (const char* name : {"messages", "conversations", "prompt"})
    if (const auto* field = find_field(record, name); field != nullptr && is_conversation(*field))
      try {
        return read_turns(*field);
      } catch (const base::InputError&) {
        break;  // the record has no question then
      }
  return nlohmann::json::array();
}

std::string question_of(const nlohmann::json& record) {
  for (const char* name : {"problem", "question", "prompt", "Problem", "Question"})
    if (std::string text = text_of(record, name); !text.empty()) return text;
  const std::string instruction = text_of(record, "instruction");
  const std::string input = text_of(record, "input");
  if (!instruction.empty()) return input.empty() ? instruction : instruction + "\n\n" + input;
  for (const char* name : {"question_content", "description"})  // LiveCodeBench, Codeforces
    if (std::string text = text_of(record, name); !text.empty()) return text;
  return last_turn(record, "user");
}

std::string asked_of(const nlohmann::json& record) {
  const auto turns = turns_of(record);
  return turns.empty() ? question_of(record) : conversation_text(turns, false);
}

std::string response_of(const nlohmann::json& record) {
  for (const char* name : {"output", "completion", "response", "solution"})
    if (std::string text = text_of(record, name); !text.empty()) return text;
  return last_turn(record, "assistant");
}

RecordCheck drop_duplicates(bool questions_only) {
  auto seen = std::make_shared<std::unordered_set<std::string>>();
  return [seen, questions_only](const nlohmann::json& record) -> std::string {
    std::string key = normalise_for_matching(asked_of(record));
    if (!questions_only) key += '\n' + normalise_for_matching(response_of(record));
    return seen->insert(std::move(key)).second ? "" : "duplicate";
  };
}

void Decontaminator::add_evaluation_text(const std::string& text) {
  const auto words = split_words(normalise_for_matching(text));
  const auto n = static_cast<std::size_t>(n_);
  std::string gram;
  if (words.size() < n) {
    for (const auto& word : words) gram += word + ' ';
    if (!gram.empty()) short_texts_.insert(gram);
    return;
  }
  for (std::size_t i = 0; i + n <= words.size(); ++i) {
    gram.clear();
    for (std::size_t k = 0; k < n; ++k) gram += words[i + k] + ' ';
    grams_.insert(gram);
  }
}

bool Decontaminator::overlaps(const std::string& text) const {
  const auto words = split_words(normalise_for_matching(text));
  const auto n = static_cast<std::size_t>(n_);
  std::string gram;
  if (words.size() < n) {
    for (const auto& word : words) gram += word + ' ';
    return short_texts_.count(gram) > 0;
  }
  for (std::size_t i = 0; i + n <= words.size(); ++i) {
    gram.clear();
    for (std::size_t k = 0; k < n; ++k) gram += words[i + k] + ' ';
    if (grams_.count(gram) > 0) return true;
  }
  return false;
}

RecordCheck drop_contaminated(Decontaminator decontaminator) {
  auto shared = std::make_shared<const Decontaminator>(std::move(decontaminator));
  return [shared](const nlohmann::json& record) -> std::string {
    return shared->overlaps(asked_of(record)) ? "contaminated" : "";
  };
}

RecordCheck drop_below(std::string reason, RecordScorer score, double threshold) {
  return [reason = std::move(reason), score = std::move(score),
          threshold](const nlohmann::json& record) -> std::string {
    return score(record) >= threshold ? "" : reason;
  };
}

RecordCheck drop_other_language(std::string language, double share) {
  return [language = std::move(language), share](const nlohmann::json& record) -> std::string {
    const std::string wanted =
        language == "question" ? dominant_language(question_of(record)) : language;
    return language_share(response_of(record), wanted) >= share ? "" : "language";
  };
}

RecordCheck drop_repetitive(int n, double share) {
  return [n, share](const nlohmann::json& record) -> std::string {
    return repeated_ngram_share(split_words(response_of(record)), n) <= share ? "" : "repetition";
  };
}

RecordCheck drop_empty(bool needs_response) {
  return [needs_response](const nlohmann::json& record) -> std::string {
    const bool empty =
        trim(question_of(record)).empty() || (needs_response && trim(response_of(record)).empty());
    return empty ? "empty" : "";
  };
}

RecordCheck drop_longer_than(std::int64_t bytes) {
  return [bytes](const nlohmann::json& record) -> std::string {
    const auto size = asked_of(record).size() + response_of(record).size();
    return static_cast<std::int64_t>(size) <= bytes ? "" : "too_long";
  };
}

}  // namespace r1::data
