#pragma once
// Instructions that a program can verify: the 25 kinds of IFEval. Reference: Zhou et al.,
// "Instruction-Following Evaluation for Large Language Models", arXiv 2311.07911, table 1 (kinds)
// and section 2.2 (strict and loose verification).
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace r1::rewards::instructions {

/// One instruction of a record: its kind ("punctuation:no_comma") and its arguments.
struct Instruction {
  std::string kind;
  nlohmann::json arguments;  // an object; what is null there is not given
};

/// The instructions of a record in IFEval's form: instruction_id_list [kind, ...] and, for each,
/// an object in kwargs [{argument: value}, ...]. Throws: InputError for a record without them, for
/// an unknown kind, and for an argument that is missing or of another type.
std::vector<Instruction> read_instructions(const nlohmann::json& record);

/// Whether a record has such a list, readable or not.
bool has_instructions(const nlohmann::json& record);

/// Whether a response follows an instruction. Keywords are compared as texts, without regard to
/// case; the sentences and the language are this project's measures (prose.h, data/language.h).
bool follows(const Instruction& instruction, const std::string& response);

/// Strict: the response as it is. Loose: one of eight forms of it follows, with and without its
/// first line, its last line, and asterisks. An empty response follows nothing.
bool follows_strictly(const Instruction& instruction, const std::string& response);
bool follows_loosely(const Instruction& instruction, const std::string& response);

/// All kinds, in the order of their names.
std::vector<std::string> kinds();

}  // namespace r1::rewards::instructions
