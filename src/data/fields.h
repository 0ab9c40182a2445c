#pragma once
// Fields of a record by their names, also nested ones, and conversations among them.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1::data {

/// The field `name`, or, when the record has none of that name, the one that its dots lead to:
/// "reward_model.ground_truth". Null and missing fields: nullptr.
const nlohmann::json* find_field(const nlohmann::json& record, const std::string& name);
/// A field as text: strings as they are, anything else as JSON writes it; "" when there is none.
std::string field_text(const nlohmann::json& record, const std::string& name);
/// The first of these fields that holds something, as field_text; "" when none does.
std::string first_field(const nlohmann::json& record, const std::vector<std::string>& names);
/// The names of all fields, nested ones with dots: {"data_source", "reward_model.ground_truth"}.
std::vector<std::string> field_names(const nlohmann::json& record);

/// Whether a value is a list of turns: objects with {role, content}, or {from, value} (ShareGPT).
bool is_conversation(const nlohmann::json& value);
/// The turns in the form {role, content, ...}: ShareGPT's human, gpt and function_call become user,
/// assistant and tool; other fields of a turn are kept. Throws: InputError for a turn without a
/// role or without content (a turn of the assistant may have tool_calls instead).
nlohmann::json read_turns(const nlohmann::json& value);
/// The content of a turn as text; of a list of parts those of type "text".
std::string turn_text(const nlohmann::json& turn);
/// What identifies a conversation: the texts of its turns without system messages, and without the
/// answer at its end unless `with_answer`. Of a single question it is that question.
std::string conversation_text(const nlohmann::json& turns, bool with_answer);

}  // namespace r1::data
