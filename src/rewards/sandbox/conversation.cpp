#include "rewards/sandbox/conversation.h"

#include <poll.h>

#include <cerrno>
#include <cmath>
#include <filesystem>

#include "base/timer.h"
#include "rewards/sandbox/pipe.h"
#include "rewards/sandbox/toolchain.h"

extern char** environ;

namespace r1::rewards::sandbox {
namespace {

constexpr std::size_t kMaxLine = 1 << 20;

}  // namespace

/// The running command with the pipes to it.
class Conversation {
 public:
  explicit Conversation(const Command& command)
      : child_(command, {in_.read_end(), out_.write_end(), 2}) {
    in_.close_read();
    out_.close_write();
    in_.do_not_block();
    out_.do_not_block();
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
                         {writing ? in_.write_end() : -1, POLLOUT, 0}};
      if (::poll(events, 2, static_cast<int>(std::ceil(left * 1e3))) < 0) continue;
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

  Pipe in_;
  Pipe out_;
  Child child_;
};

Talker::Talker(const std::string& key, const std::vector<std::string>& words,
               std::uint64_t memory) {
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
  if (ended != Talk::Answered) running_.reset();
  return ended;
}

}  // namespace r1::rewards::sandbox
