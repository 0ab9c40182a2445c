#include "rewards/tools/python_tool.h"

#include "data/json_text.h"
#include "data/text.h"
#include "rewards/sandbox/landlock.h"
#include "rewards/sandbox/sandbox.h"
#include "tokenizer/utf8.h"

namespace r1::rewards::tools {
namespace {

using sandbox::End;

/// Reads the program from standard input. An error's last line belongs to the answer: the model is
/// to correct its program.
constexpr const char* kHarness = R"PYTHON(
import ast, sys
sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
source, names = sys.stdin.read(), {"__name__": "__main__"}
failed = False
try:
    tree = ast.parse(source, "call")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "call", "exec"), names)
    value = eval(compile(ast.Expression(last.value), "call", "eval"), names) if last else None
    if value is not None:
        print(value if isinstance(value, str) else repr(value))
except SystemExit:
    pass
except BaseException as error:
    failed = True
    print(f"{type(error).__name__}: {error}")
sys.stdout.flush()
sys.exit(1 if failed else 0)
)PYTHON";

CodeOptions code_options(const ToolOptions& options) {
  CodeOptions code;
  code.python = options.python;
  code.test_seconds = options.call_seconds;
  code.memory_mib = options.memory_mib;
  code.output_bytes = options.output_bytes;
  return code;
}

class PythonTool final : public Tool {
 public:
  explicit PythonTool(const ToolOptions& options)
      : options_(options), sandbox_(code_options(options), "", "rollout.tools") {
    if (!sandbox_.can_run(sandbox::Language::Python))
      throw base::ConfigError(fmt::format(
          "rollout.tools.python: no interpreter '{}' was found and answers here", options.python));
  }

  std::string description() const override { return sandbox_.description(); }
  std::string warning() const override {
    if (sandbox::landlock_version() > 0) return {};
    return "no Landlock in this kernel: programs can read the files that this user can read";
  }

  Answer answer(const Call& call) const override {
    const auto outcome =
        sandbox_.run_python(kHarness, program_of(call.call), options_.call_seconds);
    Answer answer;
    answer.status = status_of(outcome);
    auto text = outcome.output.substr(0, static_cast<std::size_t>(options_.output_bytes));
    if (answer.status == "timeout" || answer.status == "limit") {
      if (!text.empty() && text.back() != '\n') text.push_back('\n');
      text += failed(answer.status).text;
    }
    answer.text = data::trim(tokenizer::replace_invalid_utf8(text));
    return answer;
  }

 private:
  static std::string status_of(const sandbox::Outcome& outcome) {
    if (outcome.succeeded()) return "ok";
    if (outcome.end == End::TimedOut) return "timeout";
    return outcome.end == End::Exited ? "error" : "limit";
  }

  ToolOptions options_;
  sandbox::Sandbox sandbox_;
};

}  // namespace

std::string program_of(const std::string& call) {
  const auto text = data::trim(call);
  if (text.starts_with("```")) {
    const auto begin = text.find('\n');
    const auto end = text.rfind("```");
    if (begin != text.npos && end > begin) return text.substr(begin + 1, end - begin - 1);
  }
  if (text.starts_with("{")) {
    const auto json = data::parse_json_or_discard(text);
    if (json.is_object() && json.contains("arguments")) {
      const auto& arguments = json["arguments"];
      if (arguments.is_object() && arguments.contains("code") && arguments["code"].is_string())
        return arguments["code"].get<std::string>();
    }
  }
  return text;
}

std::unique_ptr<Tool> make_python_tool(const ToolOptions& options) {
  return std::make_unique<PythonTool>(options);
}

}  // namespace r1::rewards::tools
