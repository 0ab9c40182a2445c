#pragma once
// Writes GGUF files (version 3, little-endian) as a stream, whole or not at all.
// Reference: docs/gguf.md of ggml; block_q8_0 of ggml-common.h.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "checkpoint/formats/ggml_types.h"

namespace r1::checkpoint {

/// A value of the file's metadata.
using GgufValue = std::variant<std::uint32_t, float, bool, std::string, std::vector<std::string>,
                               std::vector<std::int32_t>>;

/// A tensor to be written; shape row-major, as in Hugging Face files.
struct GgufEntry {
  std::string name;
  GgmlType type = GgmlType::F32;
  std::vector<std::int64_t> shape;

  std::int64_t num_elements() const;
};

/// Bytes of `count` values in a type that this program writes (F32, F16, BF16, Q8_0; of the last a
/// multiple of 32). Rounded to nearest, ties to even; Q8_0 as ggml's reference does it.
std::vector<std::byte> encode_ggml(GgmlType type, std::span<const float> values);

/// Declares metadata and tensors first, then takes the tensors' values in that order. The file
/// appears under its name when finish() returns; a writer destroyed before leaves nothing behind.
class GgufWriter {
 public:
  /// Throws: InputError when the file cannot be made.
  GgufWriter(std::string path, const std::vector<std::pair<std::string, GgufValue>>& metadata,
             std::vector<GgufEntry> entries);
  ~GgufWriter();
  GgufWriter(const GgufWriter&) = delete;
  GgufWriter& operator=(const GgufWriter&) = delete;

  /// All values of the tensor whose turn it is. Throws: InternalError for another name or number of
  /// values, InputError on a full disk.
  void write(const std::string& name, std::span<const float> values);
  /// fsync, rename, fsync of the folder. Throws: InternalError when tensors are missing,
  /// InputError.
  void finish();

 private:
  void write_bytes(const void* data, std::size_t size);
  void pad();

  std::string path_, temporary_;
  std::vector<GgufEntry> entries_;
  std::size_t current_ = 0;
  std::size_t written_ = 0;
  int file_ = -1;
};

}  // namespace r1::checkpoint
