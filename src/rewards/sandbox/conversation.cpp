#include "rewards/sandbox/conversation.h"

#include <poll.h>

#include <cerrno>
#include <cmath>
#include <filesystem>

#include "base/log.h"
#include "base/timer.h"
#include "data/text.h"
#include "rewards/sandbox/pipe.h"
#include "rewards/sandbox/toolchain.h"

extern char** environ;

namespace r1::rewards::sandbox {
namespace {

constexpr std::size_t kMaxLine = 1 << 20;

}  // namespace

/// The running command with the pipes to it. Its standard error is passed on.
class Conversation {
 public:
  explicit Conversation(const Command& command)
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
  Pipe in_;
  Pipe out_;
  Pipe errors_;
  std::string error_text_;
  Child child_;
};

Talker::Talker(const std::string& key, const std::vector<std::string>& words, std::uint64_t memory)
    : key_(key) {
  command_.path = find_program(words.front());
  if (command_.path.empty())
    throw base::ConfigError(fmt::format("{}: no program '{}'", key, words.front()));
  command_.arguments.assign(words.begin() + 1, words.end());
  for (char** variable = environ; *variable != nullptr; ++variable)
    command_.environment.push_back(*variable);
  command_.folder = std::filesystem::current_path().string();
  command_.confinement = Confinement::None;
  command_.limits.memory = memory;
}

Talker::~Talker() = default;

Talk Talker::ask(const std::string& line, double seconds, std::string& answer) {
  const Talk ended = say(line, seconds, answer);
  return ended == Talk::Died ? say(line, seconds, answer) : ended;
}

void Talker::forget() {
  running_.reset();
}

Talk Talker::say(const std::string& line, double seconds, std::string& answer) {
  if (!running_) running_ = std::make_unique<Conversation>(command_);
  const Talk ended = running_->say(line, seconds, answer);
  if (ended == Talk::Answered) return ended;
  if (!warned_) {
    warned_ = true;
    const std::string errors = running_->last_errors();
    base::log_warning("{}: {} {}; its last lines on standard error: {}", key_, command_.path,
                      ended == Talk::Late ? fmt::format("did not answer within {} s", seconds)
                                          : "ended instead of answering",
                      errors.empty() ? "none" : errors);
  }
  running_.reset();
  return ended;
}

}  // namespace r1::rewards::sandbox
