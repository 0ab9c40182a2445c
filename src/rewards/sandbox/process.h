#pragma once
// One child process under limits: starting it confined, feeding it, reading what it prints, and
// ending it and all it started. For small single-threaded processes only (it forks).
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/errors.h"
#include "rewards/sandbox/limits.h"

namespace r1::rewards::sandbox {

/// What a child may do beyond its rlimits.
enum class Confinement {
  None,     // a command that the user named
  Compile,  // a compiler at work on hostile text
  Run       // hostile text itself
};

struct Command {
  std::string path;                      // absolute
  std::vector<std::string> arguments;    // without the name
  std::vector<std::string> environment;  // NAME=value, all of it
  std::string folder = "/";              // it works in
  Confinement confinement = Confinement::Run;
  std::vector<std::string> readable;  // for Landlock
  std::vector<std::string> writable;
  Limits limits;
};

enum class End { Exited, Signalled, TimedOut, TooMuchOutput };

struct Outcome {
  End end = End::Exited;
  int code = 0;  // exit status or signal
  std::string output;

  bool succeeded() const { return end == End::Exited && code == 0; }
};

/// A child could not be started or confined: the step and its errno. It never ran unconfined.
struct StartError : base::Error {
  explicit StartError(const std::string& message) : Error(message, base::ExitCode::Failure) {}
};

/// A running child, leader of a session and process group of its own.
class Child {
 public:
  /// `descriptors` become 0, 1, 2, ... of the child, -1: /dev/null; it has no others. Ignored
  /// signals stay ignored, but for SIGPIPE. Throws: StartError.
  Child(const Command& command, const std::vector<int>& descriptors);
  /// Kills what still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Waits until it ends, at most `seconds`; false: it still runs.
  bool wait(double seconds);
  /// Kills the whole process group and waits.
  void kill();
  int status() const { return status_; }  // of waitpid

 private:
  pid_t pid_ = -1;
  bool running_ = true;
  int status_ = 0;
};

/// Runs to the end with `input` as standard input, standard error discarded, and `more` as
/// descriptors 3, 4, ... Throws: StartError.
Outcome run(const Command& command, const std::string& input, const std::vector<int>& more = {});

}  // namespace r1::rewards::sandbox
