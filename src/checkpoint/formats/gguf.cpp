#include "checkpoint/formats/gguf.h"

#include <algorithm>
#include <type_traits>
#include <vector>

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
  dequantise_box(tensor, {0, tensor.num_rows(), 0, tensor.row_length()}, out);
}

std::int64_t GgufFile::dequantise_box(const GgufTensor& tensor, const GgufBox& box,
                                      std::span<float> out) const {
  const GgmlLayout& layout = *tensor.layout;
  if (layout.decode == nullptr)
    throw base::InputError(
        fmt::format("{}: tensor {}: values of type {} cannot be read; expected F32, F16, BF16, "
                    "Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K",
                    path(), tensor.name, layout.name));
  const auto inside = [](std::int64_t first, std::int64_t count, std::int64_t total) {
    return first >= 0 && count >= 0 && first <= total - count;
  };
  R1_CHECK(inside(box.first_row, box.num_rows, tensor.num_rows()) &&
               inside(box.first_column, box.num_columns, tensor.row_length()),
           "{}: rows {} + {} of {}, columns {} + {} of {}", tensor.name, box.first_row,
           box.num_rows, tensor.num_rows(), box.first_column, box.num_columns, tensor.row_length());
  R1_CHECK(out.size() == static_cast<std::size_t>(box.num_rows * box.num_columns),
           "{}: {} values for {} rows of {}", tensor.name, out.size(), box.num_rows,
           box.num_columns);
  const std::int64_t width = layout.block_elements, end = box.first_column + box.num_columns;
  const std::int64_t row_blocks = tensor.row_length() / width;
  const std::int64_t first_block = box.first_column / width, end_block = (end + width - 1) / width;
  std::vector<float> cut(static_cast<std::size_t>(width));  // of a block that sticks out
  for (std::int64_t row = 0; row < box.num_rows; ++row) {
    const std::byte* blocks =
        tensor.data.data() + (box.first_row + row) * row_blocks * layout.block_bytes;
    float* values = out.data() + row * box.num_columns - box.first_column;
    for (std::int64_t block = first_block; block < end_block; ++block) {
      const std::int64_t begin = std::max(block * width, box.first_column);
      const std::int64_t stop = std::min((block + 1) * width, end);
      const bool whole = stop - begin == width;
      layout.decode(blocks + block * layout.block_bytes, whole ? values + begin : cut.data());
      if (!whole) std::copy_n(cut.data() + begin - block * width, stop - begin, values + begin);
    }
  }
  return box.num_rows * (end_block - first_block) * layout.block_bytes;
}

}  // namespace r1::checkpoint
