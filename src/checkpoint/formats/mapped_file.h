#pragma once
// A file mapped read-only into memory, as the readers of model files use it.
#include <cstddef>
#include <span>
#include <string>

namespace r1::checkpoint {

/// Owns the mapping; spans into it live as long as this object. Movable.
class MappedFile {
 public:
  /// Throws: InputError naming the file when it cannot be opened or is no regular file.
  explicit MappedFile(std::string path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Gives back the memory of those whole pages of a mapping: they are read again when touched. A
/// loader calls it after each tensor, so that a big file does not fill the host's memory.
void release_pages(std::span<const std::byte> bytes);

}  // namespace r1::checkpoint
