#include "data/benchmark_records.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "data/choices.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

void complete_benchmark_question(const Json& record, std::string& question, std::string& answer) {
  if (const Choices choices = read_choices(record); !choices.empty()) {
    question += "\n";
    for (std::size_t i = 0; i < choices.texts.size(); ++i)
      question += fmt::format("\n{}. {}", static_cast<char>('A' + i), choices.texts[i]);
    question += "\n\nAnswer with the letter of the right choice.";
    answer = right_letter(record, choices);
    return;
  }
  const std::string entry = text_of(record, "entry_point");
  if (!entry.empty() && record.contains("test")) {
    question = fmt::format(
        "Complete the Python function {}. Answer with the whole function, its "
        "imports included, in one block of code.\n\n```python\n{}\n```",
        entry, trim(text_of(record, "prompt")));
    answer.clear();
    return;
  }
  const auto tests = record.find("test_list");
  if (tests == record.end() || !tests->is_array() || tests->empty()) return;
  const std::string text = text_of(record, "text");
  question = text.empty() ? text_of(record, "prompt") : text;
  question += "\n\nAnswer with Python code in one block. It must pass this test:";
  if (tests->front().is_string()) question += "\n" + tests->front().get<std::string>();
  answer.clear();
}

}  // namespace r1::data
