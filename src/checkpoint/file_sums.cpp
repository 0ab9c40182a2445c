#include "checkpoint/file_sums.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/crc32c.h"
#include "base/errors.h"
#include "checkpoint/posix_file.h"

namespace r1::checkpoint {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{128} << 10;  // stays in a core's own cache
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

std::uint64_t slab_end(const FileRecord& record, std::size_t slab) {
  return std::min(record.size, (slab + 1) * kSlabBytes);
}

/// What is read of one slab.
struct SlabWork {
  std::size_t slab;
  bool verifies;                    // the whole slab is read and compared
  std::vector<WantedBytes> wanted;  // sorted; within the slab
};

void read_slab(const PosixFile& file, const FileRecord& record, const SlabWork& work,
               std::vector<char>& buffer) {
  std::uint32_t crc = 0;
  const auto read = [&](std::uint64_t begin, std::uint64_t end, char* target, bool sums) {
    for (auto offset = begin; offset < end;) {  // short pieces: their sum finds them in the cache
      const auto bytes =
          static_cast<std::size_t>(std::min<std::uint64_t>(kBufferBytes, end - offset));
      char* const place = target != nullptr ? target + (offset - begin) : buffer.data();
      file.read_at(offset, place, bytes);
      if (sums) crc = base::crc32c(place, bytes, crc);
      offset += bytes;
    }
  };
  auto position = work.slab * kSlabBytes;
  for (const auto& bytes : work.wanted) {
    const bool sums = work.verifies && bytes.begin >= position;
    if (sums) read(position, bytes.begin, nullptr, true);
    read(bytes.begin, bytes.end, bytes.target, sums);
    if (sums) position = bytes.end;
  }
  if (!work.verifies) return;
  read(position, slab_end(record, work.slab), nullptr, true);
  check_slab(file.path(), record, work.slab, crc);
}

void check_size_of(const PosixFile& file, const FileRecord& record) {
  if (file.size() != record.size)
    throw base::InputError(
        fmt::format("{}: {} bytes, expected {}", file.path(), file.size(), record.size));
}

/// The system reads ahead of each thread, which therefore opens the file for itself.
void read_slabs(const std::string& folder, const FileRecord& record,
                const std::vector<SlabWork>& works) {
  at::parallel_for(0, static_cast<std::int64_t>(works.size()), 1, [&](auto first, auto last) {
    const PosixFile file(join(folder, record.name), PosixFile::Mode::Read);
    file.read_in_order();
    std::vector<char> buffer(kBufferBytes);
    for (auto i = first; i < last; ++i)
      read_slab(file, record, works[static_cast<std::size_t>(i)], buffer);
  });
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

std::uint64_t read_verified(const std::string& folder, const FileRecord& record,
                            std::vector<WantedBytes> wanted, std::vector<bool>& verified) {
  check_size(folder, record);
  std::vector<SlabWork> works;
  for (const auto& bytes : wanted)
    for (auto slab = bytes.begin / kSlabBytes; slab * kSlabBytes < bytes.end; ++slab) {
      if (works.empty() || works.back().slab != slab) works.push_back({slab, !verified[slab], {}});
      const auto begin = std::max(bytes.begin, slab * kSlabBytes);
      const auto end = std::min(bytes.end, (slab + 1) * kSlabBytes);
      char* const target = bytes.target != nullptr ? bytes.target + (begin - bytes.begin) : nullptr;
      works.back().wanted.push_back({begin, end, target});
    }
  read_slabs(folder, record, works);
  std::uint64_t compared = 0;
  for (const auto& work : works) {
    if (!work.verifies) continue;
    verified[work.slab] = true;
    compared += slab_end(record, work.slab) - work.slab * kSlabBytes;
  }
  return compared;
}

void verify_file(const std::string& folder, const FileRecord& record) {
  check_size(folder, record);
  std::vector<SlabWork> works;
  for (std::size_t slab = 0; slab < record.slabs.size(); ++slab) works.push_back({slab, true, {}});
  read_slabs(folder, record, works);
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
