#include "checkpoint/formats/gguf.h"

#include <algorithm>
#include <filesystem>
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

namespace {

/// "-00001-of-00003.gguf", the end of the first part's name.
std::string part_suffix(std::int64_t number, std::int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

}  // namespace

GgufFile::GgufFile(const std::string& path) : GgufFile(path, OnePart{}) {
  add_parts();
}

GgufFile::GgufFile(const std::string& path, OnePart) : file_(path) {
  GgufParser(*this).parse();
}

void GgufFile::add_parts() {
  const auto count = has("split.count") ? integer("split.count") : 1;
  if (count <= 1) return;
  const auto number = has("split.no") ? integer("split.no") : 0;
  const auto suffix = part_suffix(number, count);
  if (!path().ends_with(suffix))
    throw base::InputError(
        fmt::format("{}: this is part {} of {} (split.no, split.count): expected a name that ends "
                    "in {}, by which the other parts are found",
                    path(), number + 1, count, suffix));
  const auto stem = path().substr(0, path().size() - suffix.size());
  if (number != 0)
    throw base::InputError(fmt::format("{}: this is part {} of {}: expected the first part, {}{}",
                                       path(), number + 1, count, stem, part_suffix(0, count)));
  for (std::int64_t part = 1; part < count; ++part)
    add_part(stem + part_suffix(part, count), part, count);
  const auto total = has("split.tensors.count") ? integer("split.tensors.count")
                                                : static_cast<std::int64_t>(tensors_.size());
  if (total != static_cast<std::int64_t>(tensors_.size()))
    throw base::InputError(
        fmt::format("{}: expected {} tensors in {} parts (split.tensors.count), "
                    "found {}",
                    path(), total, count, tensors_.size()));
}

void GgufFile::add_part(const std::string& path, std::int64_t number, std::int64_t count) {
  if (!std::filesystem::exists(path))
    throw base::InputError(
        fmt::format("{}: this is part 1 of {} (split.count): part {} is missing, {}", this->path(),
                    count, number + 1, path));
  std::unique_ptr<GgufFile> part(new GgufFile(path, OnePart{}));
  const auto is = [&](const char* key, std::int64_t value) {
    return part->has(key) && part->integer(key) == value;
  };
  if (!is("split.no", number) || !is("split.count", count))
    throw base::InputError(
        fmt::format("{}: expected part {} of {} (split.no, split.count)", path, number + 1, count));
  for (const GgufTensor& tensor : part->tensors_) {
    if (!tensor_index_.emplace(tensor.name, tensors_.size()).second)
      throw base::InputError(
          fmt::format("{}: tensor {}: an earlier part has it too", path, tensor.name));
    tensors_.push_back(tensor);
  }
  parts_.push_back(std::move(part));
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
