#include "rewards/code_tests.h"

#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "data/json_text.h"
#include "data/packed_text.h"
#include "data/text.h"

namespace r1::rewards {
namespace {

using Json = nlohmann::json;

const Json* find(const Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto field = object.find(name); field != object.end()) return &*field;
  return nullptr;
}

std::string text_of(const Json* field) {
  return field != nullptr && field->is_string() ? field->get<std::string>() : "";
}

/// A text, a number as it is written, or the lines that a list of them stands for (APPS); nothing:
/// another value, which no program reads or prints in one way alone.
std::optional<std::string> stream_text(const Json& field) {
  if (field.is_string() || data::is_json_number(field)) return data::json_text(field);
  if (!field.is_array()) return std::nullopt;
  std::string text;
  for (const Json& line : field) {
    if (!line.is_string() && !data::is_json_number(line)) return std::nullopt;
    text.append(data::json_text(line)).push_back('\n');
  }
  return text;
}

bool add_test(const Json& test, CodeTests& tests) {
  if (test.is_string()) {
    tests.statements.push_back(test.get<std::string>());
    return true;
  }
  if (!test.is_object()) return false;
  const Json* input = find(test, {"stdin", "input"});
  const Json* expected = find(test, {"stdout", "output", "expected"});
  if (expected == nullptr) return false;
  const bool silent = input == nullptr || input->is_null();
  const auto given = silent ? std::string() : stream_text(*input);
  const auto wanted = stream_text(*expected);
  if (!given || !wanted) return false;
  tests.runs.push_back({*given, *wanted});
  return true;
}

bool add_input_output(const Json& given, CodeTests& tests) {
  const Json field =
      given.is_string() ? data::parse_json_or_discard(given.get<std::string>()) : given;
  if (!field.is_object() || field.contains("fn_name")) return false;
  const Json* inputs = find(field, {"inputs"});
  const Json* outputs = find(field, {"outputs"});
  if (inputs == nullptr || outputs == nullptr || !inputs->is_array() || !outputs->is_array() ||
      inputs->size() != outputs->size())
    return false;
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    const auto input = stream_text((*inputs)[i]);
    const auto output = stream_text((*outputs)[i]);
    if (!input || !output) return false;
    tests.runs.push_back({*input, *output});
  }
  return true;
}

/// A value of JSON as Python writes it.
std::string python_literal(const Json& value) {
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (!value.is_structured()) return data::dump_json(value);
  std::string text;
  for (const auto& [key, item] : value.items()) {
    if (!text.empty()) text += ", ";
    if (value.is_object()) text += data::dump_json(Json(key)) + ": ";
    text += python_literal(item);
  }
  return value.is_object() ? "{" + text + "}" : "[" + text + "]";
}

/// "assert Solution().f(1, [2]) == 3" of a call's arguments, a line each, and its value.
bool add_call(const std::string& name, const Json& test, CodeTests& tests) {
  const Json value = data::parse_json_or_discard(text_of(find(test, {"output"})));
  if (name.empty() || value.is_discarded()) return false;
  std::string arguments;
  for (const std::string& line : data::split_at(text_of(find(test, {"input"})), "\n")) {
    if (data::trim(line).empty()) continue;
    const Json argument = data::parse_json_or_discard(line);
    if (argument.is_discarded()) return false;
    arguments += (arguments.empty() ? "" : ", ") + python_literal(argument);
  }
  tests.statements.push_back("assert Solution()." + name + "(" + arguments +
                             ") == " + python_literal(value));
  return true;
}

/// A list of LiveCodeBench's tests, which the record has as JSON text or packed.
Json live_code_tests(const Json* field) {
  if (field == nullptr || field->is_null()) return Json::array();
  if (!field->is_string()) return *field;
  const std::string text = field->get<std::string>();
  if (data::trim(text).empty()) return Json::array();
  const Json list = data::parse_json_or_discard(text);
  if (!list.is_discarded()) return list;
  try {
    return data::parse_json_or_discard(data::unpack_pickled_text(text));
  } catch (const base::InputError&) {
    return nullptr;
  }
}

bool add_live_code(const Json& object, CodeTests& tests) {
  const Json* field = find(object, {"metadata"});
  const Json metadata = field != nullptr && field->is_string()
                            ? data::parse_json_or_discard(field->get<std::string>())
                            : (field != nullptr ? *field : Json());
  const std::string name =
      metadata.is_object() ? text_of(find(metadata, {"func_name"})) : std::string();
  for (const char* tests_of : {"public_test_cases", "private_test_cases"}) {
    const Json list = live_code_tests(find(object, {tests_of}));
    if (!list.is_array()) return false;
    for (const Json& test : list) {
      const bool is_call = test.is_object() && text_of(find(test, {"testtype"})) == "functional";
      if (is_call ? !add_call(name, test, tests) : !add_test(test, tests)) return false;
    }
  }
  return true;
}

bool add_all(const Json& object, CodeTests& tests) {
  if (object.contains("public_test_cases")) return add_live_code(object, tests);
  if (const Json* list = find(object, {"tests", "official_tests"})) {
    if (!list->is_array()) return false;
    for (const Json& test : *list)
      if (!add_test(test, tests)) return false;
    return true;
  }
  if (const Json* both = find(object, {"input_output"})) return add_input_output(*both, tests);
  if (const Json* list = find(object, {"test_list"})) {
    if (!list->is_array()) return false;
    std::string setup = text_of(find(object, {"test_setup_code"}));
    if (!setup.empty()) setup.push_back('\n');
    for (const Json& test : *list) {
      if (!test.is_string()) return false;
      tests.statements.push_back(setup + test.get<std::string>());
    }
    return true;
  }
  const std::string check = text_of(find(object, {"test"}));
  const std::string entry = text_of(find(object, {"entry_point"}));
  if (check.empty() || entry.empty()) return false;
  tests.statements.push_back(check + "\ncheck(" + entry + ")");
  return true;
}

bool has_fields(const Json& object) {
  return object.is_object() && (find(object, {"tests", "official_tests", "public_test_cases",
                                              "input_output", "test_list"}) != nullptr ||
                                (object.contains("test") && object.contains("entry_point")));
}

/// The object with the fields of the tests: the record, else its metadata; null: neither.
Json object_with_tests(const std::string& record) {
  Json object = data::parse_json_or_discard(record);
  if (has_fields(object)) return object;
  if (object.is_object() && object.contains("metadata") && has_fields(object["metadata"]))
    return Json(object["metadata"]);
  return nullptr;
}

std::string_view line_at(std::string_view text, std::size_t& position) {
  const std::size_t end = std::min(text.find('\n', position), text.size());
  const auto line = text.substr(position, end - position);
  position = end + 1;
  return line;
}

std::string_view without_trailing_blanks(std::string_view text, const char* blanks) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

}  // namespace

std::string one_language(const std::string& word) {
  if (word == "py" || word.starts_with("python")) return "python";
  if (word == "cpp" || word == "cc" || word == "cxx" || word.starts_with("c++")) return "cpp";
  return word;
}

std::optional<CodeTests> read_code_tests(const std::string& record) {
  const Json object = object_with_tests(record);
  if (object.is_null()) return std::nullopt;
  CodeTests tests;
  if (!add_all(object, tests) || tests.size() == 0) return std::nullopt;
  tests.checker = text_of(find(object, {"generated_checker"}));
  tests.language = one_language(data::lower_ascii(text_of(find(object, {"language"}))));
  return tests;
}

bool has_code_tests(const std::string& record) {
  return !object_with_tests(record).is_null();
}

bool same_output(std::string_view printed, std::string_view expected) {
  printed = without_trailing_blanks(printed, " \t\r\n");
  expected = without_trailing_blanks(expected, " \t\r\n");
  std::size_t a = 0, b = 0;
  while (a < printed.size() && b < expected.size())
    if (without_trailing_blanks(line_at(printed, a), " \t\r") !=
        without_trailing_blanks(line_at(expected, b), " \t\r"))
      return false;
  return a >= printed.size() && b >= expected.size();
}

}  // namespace r1::rewards
