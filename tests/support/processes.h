#pragma once
// What tests ask the system about other processes.
#include <sys/types.h>

#include <fstream>
#include <string>
#include <vector>

namespace r1 {

/// Processes whose parent is `pid`, by /proc.
inline std::vector<pid_t> children_of(pid_t pid) {
  const auto name = std::to_string(pid);
  std::ifstream file("/proc/" + name + "/task/" + name + "/children");
  std::vector<pid_t> children;
  for (pid_t child; file >> child;) children.push_back(child);
  return children;
}

/// The name of its program; empty: it has ended.
inline std::string program_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace r1
