#pragma once
// Reads one safetensors file. Its header is not trusted.
// Reference: the format section of the safetensors README.
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/formats/mapped_file.h"

namespace r1::checkpoint {

/// Bytes of one value of a dtype as spelled in the files ("F32", "BF16", "F8_E4M3"); none: unknown.
std::optional<std::size_t> safetensors_dtype_size(const std::string& dtype);

/// A tensor of a file; `data` points into the mapping and need not be aligned.
struct SafetensorsTensor {
  std::string name;
  std::string dtype;  // as in the file
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;

  std::int64_t num_elements() const;
};

/// One file. Its tensors must cover the data exactly, without overlap or holes.
class SafetensorsFile {
 public:
  /// Throws: InputError naming file, tensor, expected and found.
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  /// Sorted by name.
  const std::map<std::string, SafetensorsTensor>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// Null: no such tensor.
  const SafetensorsTensor* find(const std::string& name) const;
  /// Throws: InputError naming file and tensor.
  const SafetensorsTensor& tensor(const std::string& name) const;

 private:
  MappedFile file_;
  std::map<std::string, SafetensorsTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace r1::checkpoint
