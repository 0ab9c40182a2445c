#pragma once
// [rollout]: what happens between the turns of a sample, by a tool or an environment.
#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"

namespace r1::rewards::tools {

/// [rollout.tools]: who answers the model's turns, how a call is marked, and the limits.
struct ToolOptions {
  std::string kind = "none";
  std::vector<std::string> command;
  std::string python = "python3";
  std::string call_begin = "<tool_call>";
  std::string call_end = "</tool_call>";
  std::string answer_begin = "\n<tool_response>\n";
  std::string answer_end = "\n</tool_response>\n";
  bool every_turn = false;
  std::int64_t max_turns = 4;
  std::int64_t max_answer_tokens = 256;
  double call_seconds = 5.0;
  std::int64_t output_bytes = 16384;
  std::int64_t memory_mib = 512;
  std::int64_t workers = 1;
  std::int64_t wait_steps = 16;

  bool used() const { return kind != "none"; }
  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [rollout]
struct RolloutOptions {
  ToolOptions tools;

  void visit(base::OptionVisitor& v) {
    v.section("tools", tools,
              "tools that the model calls while it answers, or an environment that it talks to");
  }
  void check(const std::string& key, base::Problems& problems) const {
    tools.check(key + ".tools", problems);
  }
};

}  // namespace r1::rewards::tools
