#include "rewards/tools/tool.h"

#include "rewards/sandbox/toolchain.h"
#include "rewards/tools/command_tool.h"
#include "rewards/tools/python_tool.h"

namespace r1::rewards::tools {

std::unique_ptr<Tool> make_tool(const ToolOptions& options) {
  if (options.kind == "python") return make_python_tool(options);
  return make_command_tool(options);
}

Answer failed(const std::string& status) {
  const bool late = status == "timeout";
  return {late ? "Timeout: the call took too long." : "Error: the call was ended.", status, false};
}

std::string missing_program(const ToolOptions& options) {
  if (!options.used()) return {};
  const auto& program = options.kind == "python" ? options.python : options.command.front();
  return sandbox::find_program(program).empty() ? program : "";
}

}  // namespace r1::rewards::tools
