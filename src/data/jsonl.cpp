#include "data/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/log.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::data {
namespace {

/// Depth of nesting, strings left out; a parser that recurses must not see a deep one.
int nesting_of(const std::string& text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if (c == '}' || c == ']') --depth;
  }
  return deepest;
}

/// Why a line is no record, with the record in `json` when it is one.
std::string reason_against(const std::string& text, const JsonlLimits& limits,
                           nlohmann::json& json) {
  const std::size_t nul = text.find('\0');
  if (nul != std::string::npos) return fmt::format("NUL byte at column {}", nul + 1);
  const std::size_t invalid = find_invalid_utf8(text);
  if (invalid != std::string::npos) return fmt::format("invalid UTF-8 at column {}", invalid + 1);
  if (nesting_of(text) > limits.nesting)
    return fmt::format("nested deeper than {} levels", limits.nesting);
  try {
    json = parse_json<nlohmann::json>(text);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return json.is_object() ? "" : "expected an object, found " + std::string(json.type_name());
}

}  // namespace

JsonlReader::JsonlReader(const std::string& path, const JsonlLimits& limits)
    : path_(path), limits_(limits), file_(base::open_stream(path)) {}

bool JsonlReader::read_line(std::string& text, bool& too_long) {
  text.clear();
  too_long = false;
  std::streambuf* buffer = file_.rdbuf();
  for (int c = buffer->sbumpc();; c = buffer->sbumpc()) {
    if (c == std::char_traits<char>::eof()) return !text.empty() || too_long;
    if (c == '\n') return true;
    if (c == '\r') {  // CR alone ends a line too
      if (buffer->sgetc() == '\n') buffer->sbumpc();
      return true;
    }
    if (static_cast<std::int64_t>(text.size()) < limits_.line_bytes) {
      text += static_cast<char>(c);
    } else {
      too_long = true;
    }
  }
}

void JsonlReader::refuse(const std::string& reason) {
  bad_.push_back({path_, line_, reason});
  if (static_cast<std::int64_t>(bad_.size()) <= limits_.bad_lines) return;
  throw base::InputError(fmt::format("{}: more than {} bad lines; first {}:{}: {}; last {}:{}: {}",
                                     path_, limits_.bad_lines, path_, bad_.front().line,
                                     bad_.front().reason, path_, line_, reason));
}

bool JsonlReader::next(nlohmann::json& record) {
  std::string text;
  bool too_long = false;
  while (read_line(text, too_long)) {
    ++line_;
    if (too_long) {
      refuse(fmt::format("longer than {} bytes", limits_.line_bytes));
      continue;
    }
    if (trim(text).empty() && text.find('\0') == std::string::npos) continue;
    const std::string reason = reason_against(text, limits_, record);
    if (reason.empty()) return true;
    refuse(reason);
  }
  if (file_.bad()) throw base::FileError(fmt::format("{}:{}: cannot read", path_, line_ + 1));
  return false;
}

std::vector<BadLine> read_records(
    const std::string& path, const JsonlLimits& limits,
    const std::function<void(nlohmann::json&& record, const std::string& where)>& use) {
  JsonlReader reader(path, limits);
  for (nlohmann::json record; reader.next(record);) {
    const std::string where = fmt::format("{}:{}", path, reader.line());
    try {
      use(std::move(record), where);
    } catch (const base::InputError& error) {
      const std::string what = error.what();
      reader.refuse(what.rfind(where + ": ", 0) == 0 ? what.substr(where.size() + 2) : what);
    }
  }
  for (const BadLine& bad : reader.bad_lines())
    base::log_warning("{}:{}: line left out: {}", bad.file, bad.line, bad.reason);
  return reader.bad_lines();
}

std::vector<nlohmann::json> read_jsonl(const std::string& path, const JsonlLimits& limits) {
  std::vector<nlohmann::json> records;
  read_records(path, limits, [&](nlohmann::json&& record, const std::string&) {
    records.push_back(std::move(record));
  });
  return records;
}

JsonlWriter::JsonlWriter(const std::string& path) : path_(path) {
  file_ = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (file_ < 0) fail("cannot open");
  std::int64_t whole = 0;
  std::vector<char> block(1 << 16);
  for (;;) {
    const ssize_t n = ::pread(file_, block.data(), block.size(), size_);
    if (n < 0) fail("cannot read");
    if (n == 0) break;
    for (ssize_t k = 0; k < n; ++k) {
      if (block[static_cast<std::size_t>(k)] != '\n') continue;
      ++lines_before_;
      whole = size_ + k + 1;
    }
    size_ += n;
  }
  if (whole < size_ && ::ftruncate(file_, whole) != 0) fail("cannot cut off the half-written line");
  size_ = whole;
}

JsonlWriter::~JsonlWriter() {
  if (file_ >= 0) ::close(file_);
}

void JsonlWriter::fail(const char* what) const {
  base::throw_file_error(path_, what, errno, base::FileOf::User);
}

void JsonlWriter::write(const nlohmann::json& record) {
  // A model's text may hold half a character: it is replaced, never an error.
  const std::string text = dump_json(record) + "\n";
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::pwrite(file_, text.data() + done, text.size() - done,
                               size_ + static_cast<std::int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = errno;
      if (::ftruncate(file_, size_) != 0) errno = error;
      errno = error;
      fail("cannot write");
    }
    done += static_cast<std::size_t>(n);
  }
  size_ += static_cast<std::int64_t>(text.size());
}

void JsonlWriter::sync() {
  if (::fsync(file_) != 0) fail("cannot flush");
}

}  // namespace r1::data
