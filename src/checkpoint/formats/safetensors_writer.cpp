#include "checkpoint/formats/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/formats/safetensors_folder.h"

namespace r1::checkpoint {
namespace {

constexpr std::size_t kHeaderAlignment = 8;  // spaces are added, as the reference does

std::string make_header(const std::vector<SafetensorsEntry>& entries,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t begin = 0;
  for (const SafetensorsEntry& entry : entries) {
    const std::size_t end = begin + entry.num_bytes();
    header[entry.name] = {
        {"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.is_null() ? "{}" : header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  return text;
}

}  // namespace

std::size_t SafetensorsEntry::num_bytes() const {
  const auto value_size = safetensors_dtype_size(dtype);
  if (!value_size)
    throw base::InputError(fmt::format("tensor {}: dtype {} cannot be written", name, dtype));
  std::size_t bytes = *value_size;
  for (const std::int64_t extent : shape) bytes *= static_cast<std::size_t>(extent);
  return bytes;
}

SafetensorsWriter::SafetensorsWriter(std::string path, std::vector<SafetensorsEntry> entries,
                                     const std::map<std::string, std::string>& metadata)
    : path_(std::move(path)),
      temporary_(fmt::format("{}.tmp.{}", path_, ::getpid())),
      entries_(std::move(entries)) {
  std::set<std::string> names;
  for (const SafetensorsEntry& entry : entries_)
    if (!names.insert(entry.name).second)
      throw base::InputError(fmt::format("{}: tensor {} is declared twice", path_, entry.name));
  const std::string header = make_header(entries_, metadata);
  file_ = ::open(temporary_.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
  if (file_ < 0) base::throw_file_error(path_, "cannot create", errno, base::FileOf::User);
  const std::uint64_t length = header.size();
  try {
    write_bytes(&length, sizeof(length));
    write_bytes(header.data(), header.size());
  } catch (...) {  // no destructor runs for a half-constructed writer
    ::close(file_);
    ::unlink(temporary_.c_str());
    throw;
  }
  skip_complete_entries();
}

SafetensorsWriter::~SafetensorsWriter() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void SafetensorsWriter::write_bytes(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(file_, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      base::throw_file_error(path_, "cannot write", n == 0 ? ENOSPC : errno, base::FileOf::User);
    bytes += n;
    size -= static_cast<std::size_t>(n);
  }
}

void SafetensorsWriter::skip_complete_entries() {
  while (current_ < entries_.size() && written_ == entries_[current_].num_bytes()) {
    ++current_;
    written_ = 0;
  }
}

void SafetensorsWriter::write(const std::string& name, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  R1_CHECK(current_ < entries_.size() && entries_[current_].name == name,
           "{}: tensor {} written out of turn", path_, name);
  R1_CHECK(bytes.size() <= entries_[current_].num_bytes() - written_,
           "{}: tensor {}: {} bytes more than declared", path_, name,
           written_ + bytes.size() - entries_[current_].num_bytes());
  write_bytes(bytes.data(), bytes.size());
  written_ += bytes.size();
  skip_complete_entries();
}

void SafetensorsWriter::finish() {
  R1_CHECK(current_ == entries_.size(), "{}: tensor {} is not complete", path_,
           entries_[current_].name);
  const bool synced = ::fsync(file_) == 0;
  const int error = errno;
  ::close(std::exchange(file_, -1));
  if (!synced || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = synced ? errno : error;
    ::unlink(temporary_.c_str());
    base::throw_file_error(path_, "cannot write", reason, base::FileOf::User);
  }
  const std::string parent = std::filesystem::path(path_).parent_path();
  base::sync_folder(parent.empty() ? "." : parent);
}

std::vector<SafetensorsShard> split_into_shards(const std::vector<SafetensorsEntry>& entries,
                                                std::size_t limit_bytes) {
  std::vector<SafetensorsShard> shards(1);
  std::size_t filled = 0;
  for (const SafetensorsEntry& entry : entries) {
    const std::size_t size = entry.num_bytes();
    if (!shards.back().entries.empty() && filled + size > limit_bytes) {
      shards.emplace_back();
      filled = 0;
    }
    shards.back().entries.push_back(entry);
    filled += size;
  }
  for (std::size_t i = 0; i < shards.size(); ++i)
    shards[i].file = shards.size() == 1
                         ? kSingleFile
                         : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
  return shards;
}

void write_safetensors_index(const std::string& folder,
                             const std::vector<SafetensorsShard>& shards) {
  if (shards.size() < 2) return;
  std::size_t total = 0;
  nlohmann::json map = nlohmann::json::object();
  for (const SafetensorsShard& shard : shards)
    for (const SafetensorsEntry& entry : shard.entries) {
      map[entry.name] = shard.file;
      total += entry.num_bytes();
    }
  const nlohmann::ordered_json index = {{"metadata", {{"total_size", total}}}, {"weight_map", map}};
  base::write_file_atomically(folder + "/" + kIndexFile, index.dump(2) + "\n");
}

}  // namespace r1::checkpoint
