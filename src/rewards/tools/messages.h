#pragma once
// Options, calls and answers as bytes between the program and its worker processes.
#include <string>

#include "rewards/tools/tool.h"

namespace r1::rewards::tools {

// Each unpack function throws WireError on bytes that the matching pack() did not make.
std::string pack(ToolOptions options);
ToolOptions unpack_options(const std::string& body);
std::string pack(const Call& call);
Call unpack_call(const std::string& body);
std::string pack(const Answer& answer);
Answer unpack_answer(const std::string& body);

}  // namespace r1::rewards::tools
