#pragma once
// Helpers of the configuration tests: load a text, and the message of its error.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"

namespace r1::config {

// A tiny model and a reward, so that a test's text holds only what the test is about.
inline const char* const kTinyModel = R"(
[[rewards.parts]]
name = "correctness"
[model]
init = "random"
tokenizer = "bytes"
[model.shape]
vocab_size = 260
hidden_size = 64
num_hidden_layers = 2
num_attention_heads = 4
num_key_value_heads = 2
intermediate_size = 128
max_position_embeddings = 4096
)";

inline LoadedConfig load_text(const std::string& text, const std::string& command = "check",
                              const std::vector<std::string>& overrides = {}) {
  return load_config_text(text, "test.toml", {command, "", overrides});
}

/// The message of the ConfigError; "" when there is none.
inline std::string error_of(const std::string& text, const std::string& command = "check",
                            const std::vector<std::string>& overrides = {}) {
  try {
    load_text(text, command, overrides);
  } catch (const base::ConfigError& error) {
    return error.what();
  }
  return "";
}

inline void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in:\n" << text;
}

}  // namespace r1::config
