#pragma once
// Typed errors with fields, and the checks that throw them. main() turns each into one message and
// an exit code.
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace r1::base {

/// Exit codes of the program (design: 75 = EX_TEMPFAIL, "submit again").
enum class ExitCode : int { Done = 0, BadInput = 2, Failure = 3, StoppedEarly = 75 };

/// Root of all errors of the project; `exit_code` is what the process returns when nobody handles
/// it.
class Error : public std::runtime_error {
 public:
  Error(const std::string& message, ExitCode exit_code)
      : std::runtime_error(message), exit_code_(exit_code) {}
  ExitCode exit_code() const { return exit_code_; }

 private:
  ExitCode exit_code_;
};

/// The user's configuration is wrong. Names file, key, expected and found.
struct ConfigError : Error {
  explicit ConfigError(const std::string& message) : Error(message, ExitCode::BadInput) {}
};
/// A data, model or checkpoint file is wrong. Names file, position, expected and found.
struct InputError : Error {
  explicit InputError(const std::string& message) : Error(message, ExitCode::BadInput) {}
};
struct MpiError : Error {
  explicit MpiError(const std::string& message) : Error(message, ExitCode::Failure) {}
};
struct Hdf5Error : Error {
  explicit Hdf5Error(const std::string& message) : Error(message, ExitCode::Failure) {}
};
/// Not finite or exploding loss or gradient. Names step and quantity.
struct NumericalError : Error {
  explicit NumericalError(const std::string& message) : Error(message, ExitCode::Failure) {}
};
/// A bug of this program.
struct InternalError : Error {
  explicit InternalError(const std::string& message) : Error(message, ExitCode::Failure) {}
};

/// One thing wrong with the configuration: the dotted key ("rl.clip_epsilon") and what was expected
/// and found.
struct Problem {
  std::string key;
  std::string message;
};

/// Collects all problems of a configuration so that they are reported together.
class Problems {
 public:
  void add(std::string key, std::string message) {
    list_.push_back({std::move(key), std::move(message)});
  }
  /// Adds the problem unless `ok`.
  void require(bool ok, std::string key, std::string message) {
    if (!ok) add(std::move(key), std::move(message));
  }
  bool empty() const { return list_.empty(); }
  const std::vector<Problem>& list() const { return list_; }

 private:
  std::vector<Problem> list_;
};

}  // namespace r1::base

/// Always-on check of an invariant of ours; user input is never checked with this.
#define R1_CHECK(condition, ...)                                                                   \
  do {                                                                                             \
    if (!(condition))                                                                              \
      throw ::r1::base::InternalError(                                                             \
          fmt::format("{}:{}: {}: {}", __FILE__, __LINE__, #condition, fmt::format(__VA_ARGS__))); \
  } while (false)
