#include "commands/records.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/errors.h"
#include "base/files.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::mpi {
namespace {

constexpr std::size_t kLongestLine = std::size_t{16} << 20;
constexpr int kDeepestNesting = 64;
constexpr std::size_t kBufferBytes = 1 << 16;

/// Why a line is no record; empty: it is, in `fields`.
std::string reason_against(const std::string& text, nlohmann::ordered_json& fields) {
  if (const auto nul = text.find('\0'); nul != std::string::npos)
    return fmt::format("NUL byte at column {}", nul + 1);
  if (const auto at = data::find_invalid_utf8(text); at != std::string::npos)
    return fmt::format("invalid UTF-8 at column {}", at + 1);
  try {
    fields = data::parse_json<nlohmann::ordered_json>(text, kDeepestNesting);
  } catch (const base::InputError& error) {
    return error.what();
  }
  if (fields.is_object()) return "";
  return fmt::format("expected an object, found {}", fields.type_name());
}

}  // namespace

RecordReader::RecordReader(std::string path)
    : path_(std::move(path)), file_(base::open_stream(path_)) {}

bool RecordReader::read_line(std::string& text) {
  text.clear();
  std::streambuf* buffer = file_.rdbuf();
  for (int c = buffer->sbumpc(); c != '\n'; c = buffer->sbumpc()) {
    if (c == std::char_traits<char>::eof()) return !text.empty();
    if (c == '\r') {  // CR alone ends a line too
      if (buffer->sgetc() == '\n') buffer->sbumpc();
      return true;
    }
    text += static_cast<char>(c);
    if (text.size() > kLongestLine)
      throw base::InputError(
          fmt::format("{}:{}: longer than {} bytes", path_, line_ + 1, kLongestLine));
  }
  return true;
}

bool RecordReader::next(Record& record) {
  std::string text;
  while (read_line(text)) {
    record.line = ++line_;
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (const auto reason = reason_against(text, record.fields); !reason.empty())
      fail(record, reason);
    return true;
  }
  return false;
}

void RecordReader::fail(const Record& record, const std::string& reason) const {
  throw base::InputError(fmt::format("{}:{}: {}", path_, record.line, reason));
}

std::string RecordReader::text(const Record& record, const char* key) const {
  const auto field = record.fields.find(key);
  if (field == record.fields.end()) fail(record, fmt::format("field \"{}\" is missing", key));
  if (!field->is_string())
    fail(record, fmt::format("\"{}\": expected a text, found {}", key, field->type_name()));
  return field->get<std::string>();
}

std::vector<std::int64_t> RecordReader::integers(const Record& record, const char* key) const {
  const auto field = record.fields.find(key);
  if (field == record.fields.end()) fail(record, fmt::format("field \"{}\" is missing", key));
  if (!field->is_array())
    fail(record,
         fmt::format("\"{}\": expected a list of integers, found {}", key, field->type_name()));
  std::vector<std::int64_t> values;
  for (const auto& value : *field) {
    if (!value.is_number_integer())
      fail(record, fmt::format("\"{}\"[{}]: expected an integer, found {}", key, values.size(),
                               data::dump_json(value)));
    values.push_back(value.get<std::int64_t>());
  }
  return values;
}

RecordWriter::RecordWriter(std::string path) : path_(std::move(path)) {
  const bool special = std::filesystem::exists(path_) && !std::filesystem::is_regular_file(path_);
  if (!special) {
    const std::filesystem::path target(path_);
    temporary_ = (target.parent_path() /
                  fmt::format(".{}.{}.partial", target.filename().string(), ::getpid()))
                     .string();
  }
  const int flags = O_WRONLY | O_CLOEXEC | (special ? 0 : O_CREAT | O_TRUNC);
  file_ = ::open((special ? path_ : temporary_).c_str(), flags, 0644);
  if (file_ < 0) fail(errno);
}

RecordWriter::~RecordWriter() {
  if (file_ >= 0) ::close(file_);
  if (file_ >= 0 && !temporary_.empty()) ::unlink(temporary_.c_str());
}

void RecordWriter::fail(int error) const {
  base::throw_file_error(path_, "cannot write", error, base::FileOf::User);
}

void RecordWriter::flush() {
  for (std::size_t done = 0; done < buffer_.size();) {
    const ssize_t n = ::write(file_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(n < 0 ? errno : ENOSPC);
    done += static_cast<std::size_t>(n);
  }
  buffer_.clear();
}

void RecordWriter::write(const nlohmann::ordered_json& fields) {
  // A model's text may hold half a character: it is replaced, never an error.
  buffer_ += data::dump_json(fields);
  buffer_ += '\n';
  if (buffer_.size() > kBufferBytes) flush();
}

void RecordWriter::finish() {
  flush();
  if (temporary_.empty()) return;
  if (::fsync(file_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  ::close(file_);
  file_ = -1;
  const auto parent = std::filesystem::path(path_).parent_path().string();
  base::sync_folder(parent.empty() ? "." : parent);
}

}  // namespace r1::mpi
