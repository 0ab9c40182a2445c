#pragma once
// The tool "python": a call is a program, which runs in the sandbox of the code reward. The answer
// is what the program prints and, as in an interactive session, the value of an expression at its
// end.
#include "rewards/tools/tool.h"

namespace r1::rewards::tools {

/// Throws: ConfigError if programs cannot be confined here.
std::unique_ptr<Tool> make_python_tool(const ToolOptions& options);

/// The program in a call: of a fenced block its inside, of a JSON object {"arguments": {"code":
/// text}} the text, else the call itself.
std::string program_of(const std::string& call);

}  // namespace r1::rewards::tools
