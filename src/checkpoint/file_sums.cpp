#include "checkpoint/file_sums.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/crc32c.h"
#include "base/errors.h"
#include "checkpoint/posix_file.h"

namespace r1::checkpoint {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
using Sink = std::function<void(std::uint64_t offset, const char* data, std::size_t bytes)>;

std::string join(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

// CRC of one slab of `file` that is `size` bytes long; each buffer goes to `sink` too.
std::uint32_t sum_slab(const PosixFile& file, std::uint64_t size, std::uint64_t slab,
                       std::vector<char>& buffer, const Sink& sink) {
  std::uint32_t crc = 0;
  const std::uint64_t end = std::min(size, (slab + 1) * kSlabBytes);
  for (std::uint64_t offset = slab * kSlabBytes; offset < end;) {
    const auto bytes =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - offset));
    file.read_at(offset, buffer.data(), bytes);
    crc = base::crc32c(buffer.data(), bytes, crc);
    if (sink) sink(offset, buffer.data(), bytes);
    offset += bytes;
  }
  return crc;
}

std::uint64_t num_slabs(std::uint64_t size) {
  return (size + kSlabBytes - 1) / kSlabBytes;
}

void check_slab(const std::string& path, const FileRecord& record, std::size_t slab,
                std::uint32_t found) {
  if (found != record.slabs.at(slab))
    throw base::InputError(fmt::format(
        "{}: damaged: CRC32C of bytes {} to {} is {:08x}, expected {:08x}", path, slab * kSlabBytes,
        std::min(record.size, (slab + 1) * kSlabBytes), found, record.slabs.at(slab)));
}

void check_size_of(const PosixFile& file, const FileRecord& record) {
  if (file.size() != record.size)
    throw base::InputError(
        fmt::format("{}: {} bytes, expected {}", file.path(), file.size(), record.size));
}

}  // namespace

void SlabSummer::add(const void* data, std::size_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    if (position_ % kSlabBytes == 0) slabs_.push_back(0);
    const auto part = static_cast<std::size_t>(
        std::min<std::uint64_t>(bytes, kSlabBytes - position_ % kSlabBytes));
    slabs_.back() = base::crc32c(next, part, slabs_.back());
    next += part;
    position_ += part;
    bytes -= part;
  }
}

FileRecord SlabSummer::finish(std::string name) {
  return {std::move(name), position_, std::move(slabs_)};
}

FileRecord sum_file(const std::string& path) {
  const PosixFile file(path, PosixFile::Mode::Read);
  FileRecord record{std::filesystem::path(path).filename().string(), file.size(), {}};
  std::vector<char> buffer(kBufferBytes);
  for (std::uint64_t slab = 0; slab < num_slabs(record.size); ++slab)
    record.slabs.push_back(sum_slab(file, record.size, slab, buffer, {}));
  return record;
}

void check_size(const std::string& folder, const FileRecord& record) {
  const auto path = join(folder, record.name);
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error)
    throw base::InputError(fmt::format("{}: missing", path));
  check_size_of(PosixFile(path, PosixFile::Mode::Read), record);
}

void verify_slabs(const std::string& folder, const FileRecord& record, std::size_t first,
                  std::size_t last) {
  check_size(folder, record);
  const PosixFile file(join(folder, record.name), PosixFile::Mode::Read);
  std::vector<char> buffer(kBufferBytes);
  for (std::size_t slab = first; slab <= last; ++slab)
    check_slab(file.path(), record, slab, sum_slab(file, record.size, slab, buffer, {}));
}

void verify_file(const std::string& folder, const FileRecord& record) {
  if (record.slabs.empty())
    check_size(folder, record);
  else
    verify_slabs(folder, record, 0, record.slabs.size() - 1);
}

void copy_verified(const std::string& source, const std::string& target, const FileRecord& record) {
  const PosixFile from(source, PosixFile::Mode::Read);
  check_size_of(from, record);
  try {
    PosixFile to(target, PosixFile::Mode::Create);
    reserve_space(to.descriptor(), record.size, target);
    std::vector<char> buffer(kBufferBytes);
    const Sink sink = [&to](std::uint64_t offset, const char* data, std::size_t bytes) {
      to.write_at(offset, data, bytes);
    };
    for (std::size_t slab = 0; slab < record.slabs.size(); ++slab)
      check_slab(source, record, slab, sum_slab(from, record.size, slab, buffer, sink));
    to.sync();
  } catch (...) {
    ::unlink(target.c_str());
    throw;
  }
}

}  // namespace r1::checkpoint
