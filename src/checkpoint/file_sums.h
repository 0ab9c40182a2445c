#pragma once
// CRC32C of a file in slabs of 64 MiB that cover every byte of it, and the operations that use
// them: sum, verify, copy.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace r1::checkpoint {

/// Bytes under one CRC: small enough to verify only what is read, large enough for short manifests.
inline constexpr std::uint64_t kSlabBytes = std::uint64_t{64} << 20;

/// What the manifest says about a file of the folder.
struct FileRecord {
  std::string name;  // without folder
  std::uint64_t size = 0;
  std::vector<std::uint32_t> slabs;  // CRC32C of each kSlabBytes; the last may be shorter
};

/// Sums bytes that come in file order.
class SlabSummer {
 public:
  void add(const void* data, std::size_t bytes);
  std::uint64_t position() const { return position_; }
  FileRecord finish(std::string name);

 private:
  std::uint64_t position_ = 0;
  std::vector<std::uint32_t> slabs_;
};

/// Reads the file once. Throws: base::InputError.
FileRecord sum_file(const std::string& path);

/// Existence and size. Throws: base::InputError "missing", "N bytes, expected M".
void check_size(const std::string& folder, const FileRecord& record);

/// Bytes [begin, end) of a file, and the memory that they are read into.
struct WantedBytes {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  char* target = nullptr;
};
/// Reads `wanted`, sorted by begin, and compares the CRCs of the slabs that they touch, except
/// those of `verified`, where each slab that was compared is then set; returns the bytes that were
/// compared. Bytes are read and summed once, in their targets (but those that are wanted twice), by
/// as many threads as ATen has. The targets hold nothing of use when it throws: base::InputError
/// naming file and slab.
std::uint64_t read_verified(const std::string& folder, const FileRecord& record,
                            std::vector<WantedBytes> wanted, std::vector<bool>& verified);
/// Size and all slabs.
void verify_file(const std::string& folder, const FileRecord& record);

/// Copies `source` to `target`, reserving space first, checking each slab against `record` on the
/// way, and flushes the copy to disk. A failed copy is removed.
/// Throws: base::FileError, base::InputError.
void copy_verified(const std::string& source, const std::string& target, const FileRecord& record);

}  // namespace r1::checkpoint
