#pragma once
// Who answers a turn of the model: the Python sandbox, or a command of the user's.
#include <memory>
#include <string>
#include <vector>

#include "rewards/tools/options.h"

namespace r1::rewards::tools {

/// A turn of the model that is answered, with all that a tool or an environment may need: neither
/// has to remember anything from one turn to the next.
struct Call {
  struct Earlier {
    std::string call, text;  // of the answer
  };
  std::string call;                // text between the marks; the whole turn if there is no call
  bool is_call = true;             // false: the turn ended with the end token (every_turn)
  std::string completion;          // what the model wrote so far, without the answers
  std::vector<Earlier> earlier{};  // turns that were answered, in order
  std::string problem, answer, domain, record;  // of the prompt
};

struct Answer {
  std::string text;    // valid UTF-8 of at most output_bytes
  std::string status;  // ok, error (the program failed), timeout, limit (memory, output, died)
  bool done = false;   // an environment says that the episode is over
};

class Tool {
 public:
  virtual ~Tool() = default;
  /// Never throws for what a program does: its failures are answers.
  virtual Answer answer(const Call& call) const = 0;
  /// Lines for the log at the start of a run; may be empty.
  virtual std::string description() const { return {}; }
  virtual std::string warning() const { return {}; }
};

/// For a worker process, because programs are started. `options` must have passed their check().
/// Throws: ConfigError if programs cannot be confined here, or if there is no such program.
std::unique_ptr<Tool> make_tool(const ToolOptions& options);

/// The answer that tells the model of a failure outside the tool.
Answer failed(const std::string& status);

/// The program that `options` need and that cannot be run here (by its path, or by PATH); ""
/// otherwise.
std::string missing_program(const ToolOptions& options);

}  // namespace r1::rewards::tools
