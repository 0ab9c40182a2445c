#include "data/choices.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/errors.h"
#include "base/random.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kMostChoices = 26;  // A..Z

std::string letter(std::size_t index) {
  return std::string(1, static_cast<char>('A' + index));
}

std::vector<std::string> texts_of(const Json& list) {
  std::vector<std::string> texts;
  for (const Json& element : list) texts.push_back(json_text(element));
  return texts;
}

/// "A)21", "B. 22": the letters in front go, where each choice has its own.
void drop_letters(std::vector<std::string>& texts) {
  const auto has_letter = [&](std::size_t k) {
    const std::string& text = texts[k];
    const std::size_t at = text.starts_with('(') ? 1 : 0;
    return text.size() > at + 2 && text.substr(at, 1) == letter(k) &&
           std::string_view(").:").find(text[at + 1]) != std::string_view::npos;
  };
  for (std::size_t k = 0; k < texts.size(); ++k)
    if (!has_letter(k)) return;
  for (std::string& text : texts) text = trim(text.substr(text.starts_with('(') ? 3 : 2));
}

/// [{"label": "A", "text": "…"}]; empty: another form.
Choices from_objects(const Json& list) {
  Choices out;
  for (const Json& choice : list) {
    if (!choice.is_object() || !choice.contains("text")) return {};
    out.texts.push_back(json_text(choice["text"]));
    if (choice.contains("label")) out.labels.push_back(json_text(choice["label"]));
  }
  if (out.labels.size() != out.texts.size()) out.labels.clear();
  return out;
}

/// {"text": […], "label": […]} and {"A": "…", "B": "…"}; empty: another form.
Choices from_object(const Json& object) {
  const auto is_list = [&](const char* name) {
    return object.contains(name) && object[name].is_array();
  };
  if (is_list("text")) {
    Choices out{texts_of(object["text"]), {}};
    if (is_list("label")) out.labels = texts_of(object["label"]);
    if (!out.labels.empty() && out.labels.size() != out.texts.size()) return {};
    return out;
  }
  Choices out;
  for (std::size_t k = 0; k < object.size(); ++k) {
    if (k >= kMostChoices || !object.contains(letter(k))) return {};
    out.texts.push_back(json_text(object[letter(k)]));
  }
  return out;
}

Choices from_field(const Json& field) {
  if (field.is_object()) return from_object(field);
  if (!field.is_array()) return {};
  const bool plain = std::none_of(field.begin(), field.end(),
                                  [](const Json& choice) { return choice.is_structured(); });
  return plain ? Choices{texts_of(field), {}} : from_objects(field);
}

using Columns = std::map<std::string, const Json*>;

/// A column's name for comparing: "Option A", "option_a" and "optionA" are one.
std::string column_key(const std::string& name) {
  std::string key = lower_ascii(name);
  std::erase_if(key, [](char c) { return c == ' ' || c == '_' || c == '-'; });
  return key;
}

/// Columns `prefix` and then A, B, C, … (`first` 'a') or numbers from `first` on.
Choices from_named_columns(const Columns& columns, const std::string& prefix, char first) {
  Choices out;
  for (std::size_t k = 0; k < kMostChoices; ++k) {
    const std::string label = first == 'a'
                                  ? lower_ascii(letter(k))
                                  : std::to_string(static_cast<std::size_t>(first - '0') + k);
    const auto column = columns.find(prefix + label);
    if (column == columns.end()) break;
    out.texts.push_back(json_text(*column->second));
    out.labels.push_back(label);
  }
  // Rows with fewer choices than the table has columns.
  while (!out.texts.empty() && trim(out.texts.back()).empty()) out.texts.pop_back();
  out.labels.resize(out.texts.size());
  return out;
}

/// The columns of a table: "option_a", "Option B", "choice1", or A, B, C alone. Columns that are
/// named by a letter or number alone may be the numbers of a task; they are choices if three or
/// more have capitals, or if the answer is the name of one.
Choices from_columns(const Json& record) {
  Columns columns;
  for (const auto& [name, value] : record.items())
    if (!value.is_structured() && !value.is_null()) columns[column_key(name)] = &value;
  for (const char* prefix : {"option", "choice", "opt"})
    for (const char first : {'a', '0', '1'})
      if (Choices found = from_named_columns(columns, prefix, first); found.texts.size() > 1)
        return found;
  const auto answer = columns.find("answer");
  const std::string given =
      answer == columns.end() ? "" : lower_ascii(trim(json_text(*answer->second)));
  for (const char first : {'a', '1'}) {
    Choices found = from_named_columns(columns, "", first);
    const bool capitals = first == 'a' && record.contains("A") && found.texts.size() > 2;
    const auto& labels = found.labels;
    const bool named = std::find(labels.begin(), labels.end(), given) != labels.end();
    if (found.texts.size() > 1 && (capitals || named)) return found;
  }
  return {};
}

/// GPQA's columns, the right choice first.
constexpr std::array kGpqaColumns{"Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2",
                                  "Incorrect Answer 3"};

bool is_gpqa(const Json& record) {
  return std::all_of(kGpqaColumns.begin(), kGpqaColumns.end(),
                     [&record](const char* column) { return record.contains(column); });
}

/// Places of kGpqaColumns in the order in which they are shown: the question alone decides it.
std::vector<std::int64_t> gpqa_order(const Json& record) {
  return base::permutation(std::ssize(kGpqaColumns),
                           base::hash_name(json_text(record.value("Question", Json("")))));
}

Choices from_gpqa(const Json& record) {
  Choices out;
  for (const std::int64_t place : gpqa_order(record))
    out.texts.push_back(trim(json_text(record[kGpqaColumns[static_cast<std::size_t>(place)]])));
  return out;
}

/// "B", "(B)", "B.": the index of a letter; -1: none.
std::ptrdiff_t index_of_letter(const std::string& text, std::size_t num_choices) {
  std::string bare = trim(text);
  std::erase_if(bare, [](char c) { return c == '(' || c == ')' || c == '.'; });
  if (bare.size() != 1 || bare.size() + 2 < text.size()) return -1;
  const bool small = bare[0] >= 'a' && bare[0] <= 'z';
  const std::ptrdiff_t index = bare[0] - (small ? 'a' : 'A');
  return index >= 0 && index < static_cast<std::ptrdiff_t>(num_choices) ? index : -1;
}

/// The only place of `text` in the list; -1: none, -2: several.
std::ptrdiff_t place_of(const std::string& text, const std::vector<std::string>& list) {
  const auto first = std::find(list.begin(), list.end(), text);
  if (first == list.end()) return -1;
  return std::find(first + 1, list.end(), text) == list.end() ? first - list.begin() : -2;
}

/// "B. x", "(B) x": the index of the letter, if its choice reads as the rest; -1: it does not.
std::ptrdiff_t index_of_lettered(const std::string& text, const std::vector<std::string>& list) {
  const std::size_t blank = text.find(' ');
  if (blank == std::string::npos) return -1;
  std::string mark = text.substr(0, blank);
  if (mark.ends_with(':')) mark.pop_back();
  const auto index = index_of_letter(mark, list.size());
  const bool same = index >= 0 && trim(text.substr(blank)) == list[static_cast<std::size_t>(index)];
  return same ? index : -1;
}

/// The index that the field named `name` gives; negative: none.
std::ptrdiff_t right_index(const std::string& name, const Json& field, const Choices& choices) {
  const auto size = static_cast<std::ptrdiff_t>(choices.texts.size());
  const std::string text = trim(json_text(field));
  if (const auto own = place_of(text, choices.labels); own >= 0) return own;
  if (field.is_number_integer()) {
    const auto index = field.get<std::int64_t>();
    if (index >= 0 && index < size) return static_cast<std::ptrdiff_t>(index);
  }
  if (const auto found = index_of_letter(text, choices.texts.size()); found >= 0) return found;
  if (const auto found = place_of(text, choices.texts); found != -1) return found;
  if (const auto found = index_of_lettered(text, choices.texts); found >= 0) return found;
  const bool digit = name != "answer" && text.size() == 1 && text[0] >= '0' && text[0] < '0' + size;
  return digit ? text[0] - '0' : -1;
}

}  // namespace

Choices read_choices(const Json& record) {
  for (const char* name : {"choices", "options", "endings"}) {
    const auto field = record.find(name);
    if (field == record.end() || field->is_null() || field->is_string() || field->is_number())
      continue;
    Choices choices = from_field(*field);
    if (choices.empty() || choices.texts.size() > kMostChoices || choices.texts.size() < 2)
      throw base::InputError(fmt::format(
          "field '{}': expected from 2 to {} choices as [text], [{{label, text}}], {{text: [], "
          "label: []}} or {{A: text, B: text}}, found {}",
          name, kMostChoices,
          choices.empty() ? std::string(field->type_name())
                          : fmt::format("{}", choices.texts.size())));
    drop_letters(choices.texts);
    return choices;
  }
  return is_gpqa(record) ? from_gpqa(record) : from_columns(record);
}

std::string right_letter(const Json& record, const Choices& choices) {
  if (is_gpqa(record)) {
    const auto order = gpqa_order(record);
    return letter(
        static_cast<std::size_t>(std::find(order.begin(), order.end(), 0) - order.begin()));
  }
  for (const char* name :
       {"answer", "answerKey", "correct", "answer_index", "answer_idx", "label"}) {
    const auto field = record.find(name);
    if (field == record.end() || field->is_null() || *field == "") continue;
    const std::ptrdiff_t index = right_index(name, *field, choices);
    if (index >= 0) return letter(static_cast<std::size_t>(index));
    throw base::InputError(fmt::format("field '{}': {} names {} of the {} choices", name,
                                       dump_json(*field), index == -1 ? "none" : "more than one",
                                       choices.texts.size()));
  }
  return {};
}

int num_choices(const std::string& record) {
  const Json object = parse_json_or_discard(record);
  if (!object.is_object()) return 0;
  try {
    return static_cast<int>(read_choices(object).texts.size());
  } catch (const base::InputError&) {
    return 0;
  }
}

}  // namespace r1::data
