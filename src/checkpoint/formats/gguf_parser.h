#pragma once
// The parser behind GgufFile: walks the header once with a bounds-checked cursor.
#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/formats/gguf.h"

namespace r1::checkpoint {

/// Fills `file` from its mapping. Throws: InputError naming file, key or tensor, and byte.
class GgufParser {
 public:
  explicit GgufParser(GgufFile& file);
  void parse();

 private:
  template <class T>
  T read();
  std::string_view read_string();
  /// A count of items that take at least `item_bytes` each in the rest of the file.
  std::size_t read_count(std::size_t item_bytes);
  void parse_value();
  GgufFile::Value read_scalar(std::uint32_t type);
  GgufFile::Value read_array();
  template <class T, class Wide>
  std::vector<Wide> read_numbers();
  void parse_tensor();
  void place_tensors();
  void check_overlaps();
  [[noreturn]] void fail(const std::string& message) const;

  GgufFile& file_;
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  std::string subject_ = "header";      // key or tensor being read, for messages
  std::vector<std::uint64_t> offsets_;  // of the tensors, in the data section
};

}  // namespace r1::checkpoint
