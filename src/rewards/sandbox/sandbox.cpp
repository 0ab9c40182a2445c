#include "rewards/sandbox/sandbox.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "rewards/sandbox/landlock.h"
#include "rewards/sandbox/pipe.h"
#include "rewards/sandbox/python_harness.h"
#include "rewards/sandbox/syscall_filter.h"

namespace r1::rewards::sandbox {
namespace {

// An argument of execve has at most 128 KiB.
constexpr std::size_t kMaxProgram = 120 * 1024;
constexpr std::uint64_t kMaxCompiled = 256u << 20;

// A fixed hash seed: the order of a set is the same in every run.
const std::vector<std::string> kEnvironment{
    "PATH=/usr/bin:/bin",        "HOME=/nonexistent",      "LC_ALL=C.UTF-8",    "PYTHONHASHSEED=0",
    "PYTHONDONTWRITEBYTECODE=1", "PYTHONIOENCODING=utf-8", "PYTHONNOUSERSITE=1"};

std::uint64_t mebibytes(std::int64_t count) {
  return static_cast<std::uint64_t>(count) << 20;
}

Outcome refused() {
  Outcome outcome;
  outcome.end = End::TooMuchOutput;
  return outcome;
}

/// A list of texts as JSON; what is no UTF-8 is replaced.
std::string json_list(const std::vector<std::string>& texts) {
  return nlohmann::json(texts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Sandbox::Sandbox(const CodeOptions& options, const std::string& folder, std::string section)
    : options_(options),
      folder_(folder),
      section_(std::move(section)),
      python_(find_python(options.python)) {
  if (!folder_.empty()) compiler_ = find_compiler(options.compiler);
  require_protection();
  if (!python_ && !compiler_)
    throw base::ConfigError(
        fmt::format("{}: neither python '{}' nor compiler '{}' was found and answers here",
                    section_, options.python, options.compiler));
}

bool Sandbox::can_run(Language language) const {
  return language == Language::Python ? python_.has_value() : compiler_.has_value();
}

/// Confines a child that then finds nothing to execute: what the kernel refuses shows here.
void Sandbox::require_protection() const {
  if (!has_syscall_filter())
    throw base::ConfigError(
        section_ +
        ": this build has no libseccomp, nothing would keep a program from starting "
        "processes, writing files and using the network: refused");
  try {
    run(run_command(Tool{"/", "", {}}, 10.0), "");
  } catch (const StartError& error) {
    const std::string what = error.what();
    if (what.find("execve") == what.npos)
      throw base::ConfigError(section_ + ": programs cannot be confined here, refused: " + what);
  }
}

std::string Sandbox::description() const {
  std::string text = "code runs under rlimits, seccomp";
  if (landlock_version() > 0) text += fmt::format(", Landlock {}", landlock_version());
  if (python_) text += "; " + python_->version;
  if (compiler_) text += "; " + compiler_->version;
  return text;
}

std::string Sandbox::missing() const {
  std::string text;
  if (landlock_version() == 0)
    text += "no Landlock in this kernel: programs can read the files that this user can read; ";
  if (!python_) text += "no Python ('" + options_.python + "'): its samples are dropped; ";
  if (!compiler_)
    text += "no C++ compiler ('" + options_.compiler + "'): its samples are dropped; ";
  return text.empty() ? "" : "code: " + text.substr(0, text.size() - 2);
}

Command Sandbox::run_command(const Tool& tool, double seconds) const {
  Command command;
  command.path = tool.path;
  command.environment = kEnvironment;
  command.readable = tool.readable;
  command.limits = {seconds, mebibytes(options_.memory_mib), 0,
                    static_cast<std::uint64_t>(options_.output_bytes)};
  return command;
}

Command Sandbox::python_command(std::vector<std::string> arguments, double seconds) const {
  Command command = run_command(*python_, seconds);
  command.arguments = std::move(arguments);
  return command;
}

Outcome Sandbox::run_python(const std::string& program, const std::string& input,
                            double seconds) const {
  if (program.size() > kMaxProgram) return refused();
  return run(python_command({"-c", program}, seconds), input);
}

Outcome Sandbox::run_python_tests(const std::string& program, const std::vector<std::string>& tests,
                                  double seconds) const {
  if (program.size() > kMaxProgram) return refused();
  Pipe to_solution, to_tests;
  const Child solution(python_command({"-c", kSolutionHarness, program}, seconds),
                       {-1, -1, -1, to_solution.read_end(), to_tests.write_end()});
  to_solution.close_read();
  to_tests.close_write();
  const auto list = json_list(tests);  // its text is also a list in Python
  return run(python_command({"-c", kTestHarness}, seconds), list,
             {to_tests.read_end(), to_solution.write_end()});
}

Outcome Sandbox::run_checker(const std::string& checker, const std::string& input,
                             const std::string& expected, const std::string& printed,
                             double seconds) const {
  return run(python_command({"-c", kCheckerHarness}, seconds),
             json_list({checker, input, expected, printed}));
}

Outcome Sandbox::compile(const std::string& source) const {
  Command command = run_command(*compiler_, options_.compile_seconds);
  command.confinement = Confinement::Compile;
  command.arguments = options_.compiler_flags;
  for (const char* argument : {"-x", "c++", "-", "-static-libstdc++", "-static-libgcc", "-o"})
    command.arguments.push_back(argument);
  command.arguments.push_back(folder_ + "/program");
  command.environment.push_back("TMPDIR=" + folder_);
  command.folder = folder_;
  command.writable = {folder_, "/dev/null"};
  command.limits.memory = mebibytes(options_.compile_memory_mib);
  command.limits.file_bytes = kMaxCompiled;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored))
    std::filesystem::remove_all(entry.path(), ignored);
  return run(command, source);
}

Outcome Sandbox::run_compiled(const std::string& input, double seconds) const {
  Command command = run_command({folder_ + "/program", "", system_libraries()}, seconds);
  command.readable.push_back(command.path);
  return run(command, input);
}

}  // namespace r1::rewards::sandbox
