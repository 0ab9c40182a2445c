#include "rewards/instructions/verifiable.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/errors.h"
#include "data/json_text.h"
#include "data/text.h"
#include "rewards/instructions/kinds.h"

namespace r1::rewards::instructions {
namespace {

using Json = nlohmann::json;

/// What is wrong with an argument; empty: nothing.
std::string problem_of(const Json& arguments, const Argument& argument) {
  const auto given = arguments.find(argument.name);
  if (given == arguments.end() || given->is_null()) return "is missing";
  const auto is_text = [](const Json& value) { return value.is_string(); };
  switch (argument.type) {
    case Type::Text:
      return is_text(*given) ? "" : "expected a text";
    case Type::Texts:
      return given->is_array() && std::all_of(given->begin(), given->end(), is_text)
                 ? ""
                 : "expected a list of texts";
    case Type::Number:
      return given->is_number() ? "" : "expected a number";
    case Type::Relation:
      return *given == "at least" || *given == "less than"
                 ? ""
                 : "expected \"at least\" or \"less than\"";
  }
  return "";
}

Instruction checked(Instruction instruction) {
  const auto kind = all_kinds().find(instruction.kind);
  if (kind == all_kinds().end())
    throw base::InputError(
        fmt::format("field 'instruction_id_list': unknown instruction '{}'", instruction.kind));
  if (instruction.arguments.is_null()) instruction.arguments = Json::object();
  if (!instruction.arguments.is_object())
    throw base::InputError(fmt::format("field 'kwargs': {}: expected an object, found {}",
                                       instruction.kind, instruction.arguments.type_name()));
  for (const Argument& argument : kind->second.arguments)
    if (const auto problem = problem_of(instruction.arguments, argument); !problem.empty())
      throw base::InputError(
          fmt::format("field 'kwargs': {}: {} {}", instruction.kind, argument.name, problem));
  return instruction;
}

}  // namespace

bool has_instructions(const Json& record) {
  return record.is_object() && record.contains("instruction_id_list");
}

std::vector<Instruction> read_instructions(const Json& record) {
  if (!has_instructions(record))
    throw base::InputError("expected the fields instruction_id_list and kwargs");
  const Json& names = record.at("instruction_id_list");
  const Json arguments = record.value("kwargs", Json::array());
  if (!names.is_array() || names.empty() || !arguments.is_array() ||
      arguments.size() != names.size())
    throw base::InputError(
        "expected a list of instructions in instruction_id_list, and as many objects in kwargs");
  std::vector<Instruction> instructions;
  for (std::size_t i = 0; i < names.size(); ++i)
    instructions.push_back(
        checked({names[i].is_string() ? names[i].get<std::string>() : data::dump_json(names[i]),
                 arguments[i]}));
  return instructions;
}

bool follows(const Instruction& instruction, const std::string& response) {
  return all_kinds().at(instruction.kind).follows(instruction.arguments, response);
}

bool follows_strictly(const Instruction& instruction, const std::string& response) {
  return !data::trim(response).empty() && follows(instruction, response);
}

bool follows_loosely(const Instruction& instruction, const std::string& response) {
  const std::size_t first = response.find('\n'), last = response.rfind('\n');
  const bool several = first != std::string::npos;
  const std::string headless = several ? data::trim(response.substr(first + 1)) : "";
  const std::string tailless = several ? data::trim(response.substr(0, last)) : "";
  const std::string inner =
      several && last > first ? data::trim(response.substr(first + 1, last - first - 1)) : "";
  for (std::string form : {response, headless, tailless, inner}) {
    if (follows_strictly(instruction, form)) return true;
    std::erase(form, '*');
    if (follows_strictly(instruction, form)) return true;
  }
  return false;
}

std::vector<std::string> kinds() {
  std::vector<std::string> names;
  for (const auto& kind : all_kinds()) names.push_back(kind.first);
  return names;
}

}  // namespace r1::rewards::instructions
