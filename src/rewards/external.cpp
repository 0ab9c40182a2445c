// The external reward: a long-lived user-defined command that reads and writes one JSON line per
// sample.
//
// Input:  {"problem", "answer", "completion", "domain", "record", "truncated", "num_tokens"}
// Output: {"score": [0, 1], "reason": text (optional)}, or only the number
// The detail external.failed is 1 for a sample that the command did not answer.
#include <poll.h>
#include <signal.h>

#include <cerrno>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"
#include "base/timer.h"
#include "data/json_text.h"
#include "data/text.h"
#include "rewards/registry.h"
#include "rewards/sandbox/pipe.h"
#include "rewards/sandbox/process.h"
#include "rewards/sandbox/toolchain.h"

extern char** environ;

namespace r1::rewards {
namespace {

constexpr std::size_t kMaxLine = 1 << 20;

/// How one line of conversation ended.
enum class Talk { Answered, Died, Late };

/// The running command with the pipes to it. Its standard error is passed on.
class Conversation {
 public:
  explicit Conversation(const sandbox::Command& command)
      : child_(command, {in_.read_end(), out_.write_end(), errors_.write_end()}) {
    in_.close_read();
    out_.close_write();
    errors_.close_write();
    in_.do_not_block();
    out_.do_not_block();
    errors_.do_not_block();
  }

  /// The last lines that the command wrote to its standard error.
  std::string last_errors() {
    child_.wait(kLastWords);  // a command that dies writes why a moment before
    while (read_errors()) {
    }
    return data::trim(error_text_);
  }

  Talk say(const std::string& line, double seconds, std::string& answer) {
    const base::Stopwatch watch;
    std::size_t written = 0;
    answer.clear();
    pollfd early{out_.read_end(), POLLIN, 0};
    if (::poll(&early, 1, 0) > 0) return Talk::Died;  // dead, or a line that nobody asked for
    while (answer.empty() || answer.back() != '\n') {
      const double left = seconds - watch.seconds();
      if (left <= 0.0) return Talk::Late;
      if (answer.size() > kMaxLine) return Talk::Died;  // it does not know how to stop
      const bool writing = written < line.size();
      pollfd events[] = {{out_.read_end(), POLLIN, 0},
                         {writing ? in_.write_end() : -1, POLLOUT, 0},
                         {errors_.read_end(), POLLIN, 0}};
      if (::poll(events, 3, static_cast<int>(std::ceil(left * 1e3))) < 0) continue;
      if (events[2].revents != 0 && !read_errors()) errors_.close_read();
      if (events[1].revents != 0 && !write_some(line, written)) return Talk::Died;
      if (events[0].revents != 0 && !read_some(answer)) return Talk::Died;
    }
    return Talk::Answered;
  }

 private:
  bool write_some(const std::string& line, std::size_t& written) {
    const ssize_t n = ::write(in_.write_end(), line.data() + written, line.size() - written);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    written += static_cast<std::size_t>(n);
    return true;
  }
  bool read_some(std::string& answer) {
    char bytes[4096];
    const ssize_t n = ::read(out_.read_end(), bytes, sizeof bytes);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    answer.append(bytes, static_cast<std::size_t>(n));
    return n > 0;
  }

  /// Passes on what the command wrote to its standard error; false: nothing is there.
  bool read_errors() {
    char bytes[4096];
    const ssize_t n = ::read(errors_.read_end(), bytes, sizeof bytes);
    if (n <= 0) return n < 0 && errno == EINTR;
    for (ssize_t written = 0; written < n;) {
      const ssize_t part = ::write(2, bytes + written, static_cast<std::size_t>(n - written));
      if (part <= 0) break;  // the program's standard error may be closed
      written += part;
    }
    error_text_.append(bytes, static_cast<std::size_t>(n));
    if (error_text_.size() > kMostErrors) error_text_.erase(0, error_text_.size() - kMostErrors);
    return true;
  }

  static constexpr double kLastWords = 0.1;  // seconds
  static constexpr std::size_t kMostErrors = 500;
  sandbox::Pipe in_;
  sandbox::Pipe out_;
  sandbox::Pipe errors_;
  std::string error_text_;
  sandbox::Child child_;
};

/// Lives in a worker process, which is single-threaded.
class External : public Reward {
 public:
  explicit External(const RewardOptions& options) : timeout_(options.external.timeout) {
    const auto& words = options.external.command;
    command_.path = sandbox::find_program(words.front());
    if (command_.path.empty())
      throw base::ConfigError("rewards.external.command: no program '" + words.front() + "'");
    command_.arguments.assign(words.begin() + 1, words.end());
    for (char** variable = environ; *variable != nullptr; ++variable)
      command_.environment.push_back(*variable);
    command_.folder = std::filesystem::current_path().string();
    command_.confinement = sandbox::Confinement::None;
    command_.limits.memory = static_cast<std::uint64_t>(options.limits.memory_mib) << 20;
  }

  RewardParts score(const RewardInput& input) const override {
    const std::string line = request(input);
    std::string answer;
    Talk ended = talk(line, answer);
    if (ended == Talk::Died) ended = talk(line, answer);  // it may have died of an earlier sample
    if (ended == Talk::Late) return failed("timeout");
    if (ended == Talk::Died) return failed("limit");
    return read(answer);
  }

 private:
  static std::string request(const RewardInput& input) {
    auto record = data::parse_json_or_discard(input.record);
    const nlohmann::json fields{{"problem", input.problem},
                                {"answer", input.answer},
                                {"completion", input.completion},
                                {"domain", input.domain},
                                {"record", record.is_discarded() ? nlohmann::json() : record},
                                {"truncated", input.truncated},
                                {"num_tokens", input.num_tokens}};
    auto line = data::dump_json(fields);
    line.push_back('\n');
    return line;
  }

  /// A command that fails once is not asked again: the next sample gets a new one.
  Talk talk(const std::string& line, std::string& answer) const {
    if (!running_) running_ = std::make_unique<Conversation>(command_);
    const Talk ended = running_->say(line, timeout_, answer);
    if (ended == Talk::Answered) return ended;
    if (!warned_) {
      warned_ = true;
      const std::string errors = running_->last_errors();
      base::log_warning(
          "rewards.external: {} {}; its last lines on standard error: {}", command_.path,
          ended == Talk::Late
              ? fmt::format("did not answer within {} s (rewards.external.timeout)", timeout_)
              : "ended instead of answering",
          errors.empty() ? "none" : errors);
    }
    running_.reset();
    return ended;
  }

  static RewardParts failed(const std::string& reason) {
    return {{{"external", 0.0}, {"external.failed", 1.0}}, reason};
  }

  RewardParts read(const std::string& answer) const {
    const auto json = nlohmann::json::parse(answer, nullptr, false);
    const auto& score = json.is_object() && json.contains("score") ? json["score"] : json;
    const double value = score.is_number() ? score.get<double>() : std::nan("");
    if (!(value >= 0.0 && value <= 1.0)) {
      base::log_warning("rewards.external: expected a line with a score in [0, 1], found: {}",
                        data::trim(answer.substr(0, 200)));
      running_.reset();  // its next line may belong to this sample
      return failed("limit");
    }
    const bool says_why = json.is_object() && json.contains("reason") && json["reason"].is_string();
    return {{{"external", value}, {"external.failed", 0.0}},
            says_why ? json["reason"].get<std::string>() : ""};
  }

  double timeout_;
  sandbox::Command command_;
  mutable std::unique_ptr<Conversation> running_;
  mutable bool warned_ = false;  // one warning of a worker says it all
};

}  // namespace

std::unique_ptr<Reward> make_external(const RewardOptions& options) {
  return std::make_unique<External>(options);
}

}  // namespace r1::rewards
