#include "data/benchmark_records.h"

#include <fmt/format.h>

#include <utility>

#include "base/errors.h"
#include "data/choices.h"
#include "data/fields.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& record, const char* name) {
  const auto found = record.find(name);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// LiveCodeBench: the statement, and the code that the solution begins with.
std::string live_code_question(const Json& record) {
  const std::string starter = trim(text_of(record, "starter_code"));
  const std::string statement = trim(text_of(record, "question_content"));
  if (starter.empty())
    return statement +
           "\n\nAnswer with a whole program in one block of code. It reads standard input and "
           "writes to standard output.";
  return statement +
         "\n\nComplete this Python code. Answer with all of it, its imports included, "
         "in one block of code.\n\n```python\n" +
         starter + "\n```";
}

/// Codeforces: the statement with its sections and examples.
std::string codeforces_question(const Json& record) {
  std::string question = trim(text_of(record, "description"));
  for (const auto& [name, title] : {std::pair{"input_format", "Input"},
                                    {"output_format", "Output"},
                                    {"interaction_format", "Interaction"},
                                    {"note", "Note"}})
    if (const std::string section = trim(text_of(record, name)); !section.empty())
      question += fmt::format("\n\n{}\n{}", title, section);
  const auto examples = record.find("examples");
  if (examples != record.end() && examples->is_array())
    for (const Json& example : *examples)
      if (example.is_object())
        question += fmt::format("\n\nExample input\n{}\n\nExample output\n{}",
                                trim(text_of(example, "input")), trim(text_of(example, "output")));
  return question +
         "\n\nAnswer with a whole program in one block of code. It reads standard input "
         "and writes to standard output.";
}

}  // namespace

void complete_benchmark_question(const Json& record, std::string& question, std::string& answer) {
  if (question.empty()) question = first_field(record, {"Problem", "Question"});
  if (answer.empty()) answer = first_field(record, {"Answer", "Solution"});
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
  if (record.contains("question_content") && record.contains("public_test_cases")) {
    question = live_code_question(record);
    answer.clear();
    return;
  }
  if (record.contains("description") && record.contains("official_tests")) {
    question = codeforces_question(record);
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
