#include "checkpoint/formats/gguf.h"

#include <algorithm>
#include <type_traits>

#include "base/errors.h"
#include "checkpoint/formats/gguf_parser.h"

namespace r1::checkpoint {

std::int64_t GgufTensor::num_elements() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

std::int64_t GgufTensor::num_rows() const {
  return row_length() == 0 ? 0 : num_elements() / row_length();
}

GgufFile::GgufFile(const std::string& path) : file_(path) {
  GgufParser(*this).parse();
}

template <class T>
const T& GgufFile::value(const std::string& key, const char* expected) const {
  const auto found = values_.find(key);
  if (found == values_.end())
    throw base::InputError(
        fmt::format("{}: key {}: expected {}, found no such key", path(), key, expected));
  const T* held = std::get_if<T>(&found->second);
  if (held == nullptr)
    throw base::InputError(
        fmt::format("{}: key {}: expected {}, found another type", path(), key, expected));
  return *held;
}

std::int64_t GgufFile::integer(const std::string& key) const {
  return value<std::int64_t>(key, "an integer");
}
double GgufFile::number(const std::string& key) const {
  const auto found = values_.find(key);
  if (found != values_.end() && std::holds_alternative<std::int64_t>(found->second))
    return static_cast<double>(std::get<std::int64_t>(found->second));
  return value<double>(key, "a number");
}
bool GgufFile::boolean(const std::string& key) const {
  return value<bool>(key, "a boolean");
}
std::string GgufFile::string(const std::string& key) const {
  return std::string(value<std::string_view>(key, "a string"));
}
const std::vector<std::string_view>& GgufFile::strings(const std::string& key) const {
  return value<std::vector<std::string_view>>(key, "an array of strings");
}
const std::vector<std::int64_t>& GgufFile::integers(const std::string& key) const {
  return value<std::vector<std::int64_t>>(key, "an array of integers");
}
const std::vector<double>& GgufFile::numbers(const std::string& key) const {
  return value<std::vector<double>>(key, "an array of floats");
}

const GgufTensor& GgufFile::tensor(const std::string& name) const {
  const auto found = tensor_index_.find(name);
  if (found == tensor_index_.end())
    throw base::InputError(fmt::format("{}: no tensor named {}", path(), name));
  return tensors_[found->second];
}

void GgufFile::dequantise(const GgufTensor& tensor, std::span<float> out) const {
  dequantise_rows(tensor, 0, tensor.num_rows(), out);
}

void GgufFile::dequantise_rows(const GgufTensor& tensor, std::int64_t first_row,
                               std::int64_t num_rows, std::span<float> out) const {
  const GgmlLayout& layout = *tensor.layout;
  if (layout.decode == nullptr)
    throw base::InputError(
        fmt::format("{}: tensor {}: values of type {} cannot be read; expected F32, F16, BF16, "
                    "Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K",
                    path(), tensor.name, layout.name));
  R1_CHECK(first_row >= 0 && num_rows >= 0 && first_row <= tensor.num_rows() - num_rows,
           "{}: rows {} + {} of {}", tensor.name, first_row, num_rows, tensor.num_rows());
  R1_CHECK(out.size() == static_cast<std::size_t>(num_rows * tensor.row_length()),
           "{}: {} values for {} rows of {}", tensor.name, out.size(), num_rows,
           tensor.row_length());
  const std::int64_t row_blocks = tensor.row_length() / layout.block_elements;
  const std::byte* block = tensor.data.data() + first_row * row_blocks * layout.block_bytes;
  for (std::int64_t i = 0; i < num_rows * row_blocks; ++i)
    layout.decode(block + i * layout.block_bytes, out.data() + i * layout.block_elements);
}

}  // namespace r1::checkpoint
