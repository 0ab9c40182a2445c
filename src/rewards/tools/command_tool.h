#pragma once
// The tool "command": a long-lived command of the user's that reads and writes one JSON line per
// turn of the model. It serves tools and environments.
//
// Input:  {"call": text or null, "completion", "turns": [{"call", "answer"}], "problem", "answer",
//         "domain", "record"}
// Output: {"text": text, "done": bool (optional), "error": bool (optional)}, or only the text
#include "rewards/tools/tool.h"

namespace r1::rewards::tools {

/// Throws: ConfigError if there is no such program.
std::unique_ptr<Tool> make_command_tool(const ToolOptions& options);

}  // namespace r1::rewards::tools
