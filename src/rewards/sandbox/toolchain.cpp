#include "rewards/sandbox/toolchain.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "rewards/sandbox/process.h"

extern char** environ;

namespace r1::rewards::sandbox {
namespace {

namespace fs = std::filesystem;

// Only these of a prefix, which may be all of /usr: nothing below home or etc.
constexpr const char* kAskPython =
    "import os, sys\n"
    "print('.'.join(map(str, sys.version_info[:3])))\n"
    "print(sys.executable)\n"
    "print(os.path.realpath(sys.executable))\n"
    "if sys.prefix != sys.base_prefix: print(sys.prefix)\n"
    "for folder in sorted({sys.base_prefix, sys.base_exec_prefix}):\n"
    "    print(os.path.join(folder, 'lib'))\n"
    "    print(os.path.join(folder, 'lib64'))\n"
    "for folder in sys.path:\n"
    "    if os.path.isabs(folder): print(folder)\n";

/// Lines that a trusted program prints; empty: it failed.
std::vector<std::string> ask(const std::string& path, std::vector<std::string> arguments) {
  Command command;
  command.path = path;
  command.arguments = std::move(arguments);
  for (char** variable = environ; *variable != nullptr; ++variable)
    command.environment.push_back(*variable);
  command.confinement = Confinement::None;
  command.limits = {20.0, std::uint64_t{4} << 30, 0, 1 << 20};
  std::vector<std::string> lines;
  const Outcome outcome = run(command, "");
  if (!outcome.succeeded()) return lines;
  std::istringstream text(outcome.output);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != name.npos) {
    std::error_code error;
    const auto path = fs::absolute(name, error).string();
    return !error && ::access(path.c_str(), X_OK) == 0 ? path : "";
  }
  const char* folders = std::getenv("PATH");
  std::istringstream list(folders != nullptr ? folders : "/usr/bin:/bin");
  for (std::string folder; std::getline(list, folder, ':');) {
    const std::string path = folder + "/" + name;
    if (!folder.empty() && folder[0] == '/' && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return "";
}

std::optional<Tool> find_python(const std::string& name) {
  const std::string launcher = find_program(name);
  if (launcher.empty()) return std::nullopt;
  const auto lines = ask(launcher, {"-c", kAskPython});
  if (lines.size() < 3) return std::nullopt;
  Tool tool{lines[1], "Python " + lines[0] + " (" + lines[1] + ")", system_libraries()};
  tool.readable.insert(tool.readable.end(), lines.begin() + 1, lines.end());
  return tool;
}

std::optional<Tool> find_compiler(const std::string& name) {
  const std::string path = find_program(name);
  if (path.empty()) return std::nullopt;
  const auto lines = ask(path, {"--version"});
  if (lines.empty()) return std::nullopt;
  Tool tool{path, lines[0], system_libraries()};
  for (const char* folder : {"/usr", "/bin", "/opt/rh"}) tool.readable.push_back(folder);
  std::error_code error;
  for (const auto& file : {fs::path(path), fs::canonical(path, error)}) {
    const auto prefix = file.parent_path().parent_path();
    if (prefix.has_relative_path()) tool.readable.push_back(prefix.string());
  }
  return tool;
}

std::vector<std::string> system_libraries() {
  return {"/lib",          "/lib64",         "/usr/lib",
          "/usr/lib64",    "/usr/local/lib", "/etc/ld.so.cache",
          "/dev/null",     "/dev/urandom",   "/usr/share/zoneinfo",
          "/etc/localtime"};
}

}  // namespace r1::rewards::sandbox
