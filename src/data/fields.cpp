#include "data/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/errors.h"
#include "data/json_text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;

void collect_names(const Json& object, const std::string& prefix, std::vector<std::string>& names) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object() && !value.empty())
      collect_names(value, prefix + key + ".", names);
    else
      names.push_back(prefix + key);
  }
}

/// A turn's role in the names that chat templates know.
std::string role_of(const Json& turn) {
  static const std::map<std::string, std::string> sharegpt{
      {"human", "user"},        {"user", "user"},           {"gpt", "assistant"},
      {"chatgpt", "assistant"}, {"assistant", "assistant"}, {"system", "system"},
      {"tool", "tool"},         {"observation", "tool"},    {"function_call", "assistant"}};
  const auto role = turn.find("role");
  if (role != turn.end() && role->is_string()) return role->get<std::string>();
  const auto from = turn.find("from");
  if (from == turn.end() || !from->is_string()) return {};
  const auto known = sharegpt.find(from->get<std::string>());
  return known == sharegpt.end() ? std::string() : known->second;
}

}  // namespace

const Json* find_field(const Json& record, const std::string& name) {
  if (!record.is_object()) return nullptr;
  if (const auto found = record.find(name); found != record.end())
    return found->is_null() ? nullptr : &*found;
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1))
    if (const auto outer = record.find(name.substr(0, dot)); outer != record.end())
      if (const Json* inner = find_field(*outer, name.substr(dot + 1))) return inner;
  return nullptr;
}

std::string field_text(const Json& record, const std::string& name) {
  const Json* found = find_field(record, name);
  return found == nullptr ? std::string() : json_text(*found);
}

std::string first_field(const Json& record, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (std::string text = field_text(record, name); !text.empty()) return text;
  return {};
}

std::vector<std::string> field_names(const Json& record) {
  std::vector<std::string> names;
  if (record.is_object()) collect_names(record, "", names);
  return names;
}

bool is_conversation(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& turn) {
           return turn.is_object() && (turn.contains("role") || turn.contains("from"));
         });
}

Json read_turns(const Json& value) {
  Json turns = Json::array();
  for (const Json& given : value) {
    const auto fail = [&](const std::string& reason) -> base::InputError {
      return base::InputError(fmt::format("turn {}: {}", turns.size() + 1, reason));
    };
    Json turn = given;
    const std::string role = role_of(given);
    if (role.empty())
      throw fail("expected a role (system, user, assistant, tool), found " +
                 dump_json(given.value("role", given.value("from", Json()))));
    turn["role"] = role;
    if (!turn.contains("content") && turn.contains("value")) turn["content"] = turn["value"];
    turn.erase("from");
    turn.erase("value");
    const bool calls = turn.contains("tool_calls") && !turn["tool_calls"].is_null();
    const auto content = turn.find("content");
    if (!calls && (content == turn.end() || !(content->is_string() || content->is_array())))
      throw fail(fmt::format("content: expected text, found {}",
                             content == turn.end() ? "nothing" : content->type_name()));
    turns.push_back(std::move(turn));
  }
  return turns;
}

std::string turn_text(const Json& turn) {
  const auto content = turn.find("content");
  if (content == turn.end()) return {};
  if (content->is_string()) return content->get<std::string>();
  std::string text;
  if (!content->is_array()) return text;
  for (const Json& part : *content)
    if (part.is_object() && part.value("type", "") == "text") text += part.value("text", "");
  return text;
}

std::string conversation_text(const Json& turns, bool with_answer) {
  std::string text;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const auto& role = turns[i]["role"];
    const bool is_answer = i + 1 == turns.size() && role == "assistant";
    if (role == "system" || (is_answer && !with_answer)) continue;
    if (!text.empty()) text += '\n';
    text += turn_text(turns[i]);
  }
  return text;
}

}  // namespace r1::data
