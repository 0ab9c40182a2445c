#pragma once
// A long-lived command of the user's that answers one line at a time. For small single-threaded
// processes only, because this code forks.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rewards/sandbox/process.h"

namespace r1::rewards::sandbox {

/// How one line of conversation ended.
enum class Talk { Answered, Died, Late };

class Conversation;

/// Starts the command when a line is first said to it, and again after it failed.
class Talker {
 public:
  /// `key`: of the configuration, for messages. `words`: program (a path, or a name of PATH) and
  /// arguments. `memory`: its address space, bytes. Throws: ConfigError if there is no such
  /// program.
  Talker(const std::string& key, const std::vector<std::string>& words, std::uint64_t memory);
  ~Talker();

  /// Says a line and reads the answer's line. A command that died is started once more, because it
  /// may have died of an earlier line. A command that fails is not asked again: the next line gets
  /// a new one. The first failure is a warning with the last lines of the command's standard error.
  Talk ask(const std::string& line, double seconds, std::string& answer);
  /// Ends the command, which is out of step with the lines.
  void forget();

 private:
  Talk say(const std::string& line, double seconds, std::string& answer);

  std::string key_;
  Command command_;
  std::unique_ptr<Conversation> running_;
  bool warned_ = false;  // one warning of a process says it all
};

}  // namespace r1::rewards::sandbox
