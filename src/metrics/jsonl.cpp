#include "metrics/jsonl.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/files.h"

namespace r1::metrics {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 16;

/// Assembles lines out of blocks and forgets those that grow too long.
class LineSplitter {
 public:
  explicit LineSplitter(const std::function<void(std::string_view, bool)>& use) : use_(use) {}

  void add(std::string_view block) {
    while (!block.empty()) {
      const std::size_t end = block.find('\n');
      extend(block.substr(0, end));
      if (end == std::string_view::npos) return;
      finish(true);
      block.remove_prefix(end + 1);
    }
  }
  void end_of_file() {
    if (!line_.empty() || too_long_) finish(false);
  }
  std::int64_t num_skipped() const { return num_skipped_; }

 private:
  void extend(std::string_view part) {
    too_long_ = too_long_ || line_.size() + part.size() > kMaxLineBytes;
    if (too_long_) {
      line_.clear();
    } else {
      line_.append(part);
    }
  }
  void finish(bool complete) {
    if (too_long_) {
      ++num_skipped_;
    } else {
      use_(line_, complete);
    }
    line_.clear();
    too_long_ = false;
  }

  const std::function<void(std::string_view, bool)>& use_;
  std::string line_;
  bool too_long_ = false;
  std::int64_t num_skipped_ = 0;
};

bool is_row_up_to(std::string_view line, std::int64_t last_step) {
  const auto row = nlohmann::json::parse(line, nullptr, false);
  if (!row.is_object()) return false;
  const auto step = row.find("step");
  return step != row.end() && step->is_number_integer() && step->get<std::int64_t>() <= last_step;
}

}  // namespace

std::int64_t for_each_line(const std::string& path,
                           const std::function<void(std::string_view, bool)>& use) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return 0;
  auto file = base::open_stream(path);
  LineSplitter splitter(use);
  std::vector<char> block(kReadBytes);
  while (file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    splitter.add({block.data(), static_cast<std::size_t>(file.gcount())});
  }
  splitter.end_of_file();
  return splitter.num_skipped();
}

std::int64_t cut_back_jsonl(const std::string& path, std::int64_t last_step) {
  std::string kept;
  std::int64_t num_dropped = 0;
  const std::int64_t num_skipped = for_each_line(path, [&](std::string_view line, bool complete) {
    if (complete && is_row_up_to(line, last_step)) {
      kept.append(line).push_back('\n');
    } else {
      ++num_dropped;
    }
  });
  num_dropped += num_skipped;
  if (num_dropped > 0) base::write_file_atomically(path, kept);
  return num_dropped;
}

}  // namespace r1::metrics
