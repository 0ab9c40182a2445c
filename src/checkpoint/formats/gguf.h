#pragma once
// Reads GGUF model files (versions 2 and 3, little-endian): metadata and tensors. A split model is
// read from its first part, "name-00001-of-00003.gguf", with the others beside it.
// Every count and offset of the file is checked against its size before it is used.
// Reference: docs/gguf.md of ggml.
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "checkpoint/formats/ggml_types.h"
#include "checkpoint/formats/mapped_file.h"

namespace r1::checkpoint {

/// A tensor of the file; `data` points into the mapping.
struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> shape;  // row-major as in Hugging Face files: GGUF's dims reversed
  const GgmlLayout* layout = nullptr;
  std::span<const std::byte> data;

  std::int64_t num_elements() const;
  std::int64_t row_length() const { return shape.empty() ? 1 : shape.back(); }
  std::int64_t num_rows() const;
};

/// Rows and columns of a tensor seen as a matrix of its rows.
struct GgufBox {
  std::int64_t first_row, num_rows;
  std::int64_t first_column, num_columns;
};

class GgufFile {
 public:
  /// Throws: InputError naming the file and the key or tensor that is wrong.
  explicit GgufFile(const std::string& path);

  const std::string& path() const { return file_.path(); }

  bool has(const std::string& key) const { return values_.contains(key); }
  /// Each getter throws InputError naming file and key when it is absent or of another type;
  /// integers of any width and sign are read by integer(), and by number() together with floats.
  std::int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  bool boolean(const std::string& key) const;
  std::string string(const std::string& key) const;
  /// The views live as long as this object.
  const std::vector<std::string_view>& strings(const std::string& key) const;
  const std::vector<std::int64_t>& integers(const std::string& key) const;
  const std::vector<double>& numbers(const std::string& key) const;

  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  /// Throws: InputError naming file and tensor.
  const GgufTensor& tensor(const std::string& name) const;
  bool has_tensor(const std::string& name) const { return tensor_index_.contains(name); }

  /// All values as fp32, row-major. `out` must have num_elements() values.
  /// Throws: InputError for a type this program does not read.
  void dequantise(const GgufTensor& tensor, std::span<float> out) const;
  /// A box of the tensor seen as [num_rows(), row_length()]. Decodes the blocks that it touches;
  /// returns their bytes.
  std::int64_t dequantise_box(const GgufTensor& tensor, const GgufBox& box,
                              std::span<float> out) const;

 private:
  using Value =
      std::variant<std::int64_t, double, bool, std::string_view, std::vector<bool>,
                   std::vector<std::int64_t>, std::vector<double>, std::vector<std::string_view>>;
  friend class GgufParser;

  struct OnePart {};
  GgufFile(const std::string& path, OnePart);
  void add_parts();
  void add_part(const std::string& path, std::int64_t number, std::int64_t count);

  template <class T>
  const T& value(const std::string& key, const char* expected) const;

  MappedFile file_;
  std::map<std::string, Value> values_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, std::size_t> tensor_index_;
  std::vector<std::unique_ptr<GgufFile>> parts_;  // behind the first; they hold its tensors' bytes
};

}  // namespace r1::checkpoint
