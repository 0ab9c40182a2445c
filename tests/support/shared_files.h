#pragma once
// Where the complete test data are that a checkout may be without: the environment variable
// R1_SHARED names their folder, else they lie in ../shared. A test that needs them skips where they
// are absent, and its binary has the label "shared" (tests/CMakeLists.txt).
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace r1::test {

inline std::optional<std::string> existing(const std::string& path) {
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

/// Path of a file or folder of the shared data; nothing where it is absent.
inline std::optional<std::string> find_shared(const std::string& name) {
  const char* folder = std::getenv("R1_SHARED");
  const std::string root = folder != nullptr ? folder : R1_SOURCE_DIR "/../shared";
  return existing(root + "/" + name);
}

}  // namespace r1::test
