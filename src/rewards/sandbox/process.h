#pragma once
// One child process under limits: starts the child confined, writes its input, reads its output,
// and ends the child together with all its descendants. For small single-threaded processes only,
// because this code forks.
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/errors.h"
#include "rewards/sandbox/limits.h"

namespace r1::rewards::sandbox {

/// The confinement of a child beyond its rlimits.
enum class Confinement {
  None,     // a user-defined command
  Compile,  // a compiler that reads hostile text
  Run       // a hostile program
};

struct Command {
  std::string path;                      // absolute
  std::vector<std::string> arguments;    // without the program's name
  std::vector<std::string> environment;  // NAME=value; the complete environment
  std::string folder = "/";              // working folder
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

/// A child could not be started or confined; the message names the step and its errno. The child
/// never ran unconfined.
struct StartError : base::Error {
  explicit StartError(const std::string& message) : Error(message, base::ExitCode::Failure) {}
};

/// A running child, the leader of its own session and process group.
class Child {
 public:
  /// `descriptors` become the descriptors 0, 1, 2, ... of the child (-1: /dev/null); the child has
  /// no other descriptors. Ignored signals stay ignored, except SIGPIPE. Throws: StartError.
  Child(const Command& command, const std::vector<int>& descriptors);
  /// Kills the child if it is still running.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Waits at most `seconds` for the end of the child; false: the child is still running.
  bool wait(double seconds);
  /// Kills the whole process group and waits.
  void kill();
  int status() const { return status_; }  // as returned by waitpid

 private:
  pid_t pid_ = -1;
  bool running_ = true;
  int status_ = 0;
};

/// Runs a command to its end with `input` as standard input, without standard error, and with
/// `more` as the descriptors 3, 4, ... Throws: StartError.
Outcome run(const Command& command, const std::string& input, const std::vector<int>& more = {});

}  // namespace r1::rewards::sandbox
