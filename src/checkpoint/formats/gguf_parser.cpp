#include "checkpoint/formats/gguf_parser.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/errors.h"

namespace r1::checkpoint {
namespace {

// Types of metadata values in the file.
enum ValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::int64_t kDefaultAlignment = 32;
constexpr std::uint32_t kMaxDims = 4;                        // GGML_MAX_DIMS
constexpr std::size_t kMinValueBytes = 8 + 4 + 1;            // key length, type, one byte
constexpr std::size_t kMinTensorBytes = 8 + 4 + 4 + 8;       // name length, dims, type, offset
constexpr std::size_t kMaxNameBytes = std::size_t{1} << 16;  // longest key the format allows

}  // namespace

GgufParser::GgufParser(GgufFile& file) : file_(file), bytes_(file.file_.bytes()) {}

void GgufParser::fail(const std::string& message) const {
  throw base::InputError(
      fmt::format("{}: {}: {} (byte {})", file_.path(), subject_, message, position_));
}

template <class T>
T GgufParser::read() {
  if (bytes_.size() - position_ < sizeof(T))
    fail(fmt::format("expected {} more bytes, found the end of the file", sizeof(T)));
  T value;
  std::memcpy(&value, bytes_.data() + position_, sizeof(T));
  position_ += sizeof(T);
  return value;
}

std::size_t GgufParser::read_count(std::size_t item_bytes) {
  const auto count = read<std::uint64_t>();
  const std::size_t room = (bytes_.size() - position_) / item_bytes;
  if (count > room)
    fail(
        fmt::format("expected a count of at most {} (the file ends there), found {}", room, count));
  return static_cast<std::size_t>(count);
}

std::string_view GgufParser::read_string() {
  const std::size_t length = read_count(1);
  const auto* start = reinterpret_cast<const char*>(bytes_.data() + position_);
  position_ += length;
  return {start, length};
}

void GgufParser::parse() {
  if (read<std::uint32_t>() != kMagic) fail("expected a GGUF file, found other first bytes");
  const auto version = read<std::uint32_t>();
  if (version != 2 && version != 3)
    fail(fmt::format("expected GGUF version 2 or 3 (little-endian), found {}", version));
  const std::size_t num_tensors = read_count(kMinTensorBytes);
  const std::size_t num_values = read_count(kMinValueBytes);
  for (std::size_t i = 0; i < num_values; ++i) parse_value();
  for (std::size_t i = 0; i < num_tensors; ++i) parse_tensor();
  place_tensors();
}

void GgufParser::parse_value() {
  subject_ = "metadata key";
  const std::string_view name = read_string();
  if (name.empty() || name.size() > kMaxNameBytes)
    fail(fmt::format("expected 1 to {} bytes, found {}", kMaxNameBytes, name.size()));
  const std::string key(name);
  subject_ = "key " + key;
  const auto type = read<std::uint32_t>();
  GgufFile::Value value = type == kArray ? read_array() : read_scalar(type);
  if (!file_.values_.emplace(key, std::move(value)).second) fail("the key comes twice");
}

GgufFile::Value GgufParser::read_scalar(std::uint32_t type) {
  switch (type) {
    case kUint8:
      return std::int64_t{read<std::uint8_t>()};
    case kInt8:
      return std::int64_t{read<std::int8_t>()};
    case kUint16:
      return std::int64_t{read<std::uint16_t>()};
    case kInt16:
      return std::int64_t{read<std::int16_t>()};
    case kUint32:
      return std::int64_t{read<std::uint32_t>()};
    case kInt32:
      return std::int64_t{read<std::int32_t>()};
    case kInt64:
      return read<std::int64_t>();
    case kUint64: {
      const auto value = read<std::uint64_t>();
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        fail(fmt::format("expected an integer below 2^63, found {}", value));
      return static_cast<std::int64_t>(value);
    }
    case kFloat32:
      return static_cast<double>(read<float>());
    case kFloat64:
      return read<double>();
    case kBool:
      return read<std::uint8_t>() != 0;
    case kString:
      return read_string();
    default:
      fail(fmt::format("expected a value type 0 to 12, found {}", type));
  }
}

template <class T, class Wide>
std::vector<Wide> GgufParser::read_numbers() {
  std::vector<Wide> values(read_count(sizeof(T)));
  for (Wide& value : values) value = static_cast<Wide>(read<T>());
  return values;
}

GgufFile::Value GgufParser::read_array() {
  const auto type = read<std::uint32_t>();
  switch (type) {
    case kUint8:
      return read_numbers<std::uint8_t, std::int64_t>();
    case kInt8:
      return read_numbers<std::int8_t, std::int64_t>();
    case kUint16:
      return read_numbers<std::uint16_t, std::int64_t>();
    case kInt16:
      return read_numbers<std::int16_t, std::int64_t>();
    case kUint32:
      return read_numbers<std::uint32_t, std::int64_t>();
    case kInt32:
      return read_numbers<std::int32_t, std::int64_t>();
    case kUint64:
      return read_numbers<std::uint64_t, std::int64_t>();
    case kInt64:
      return read_numbers<std::int64_t, std::int64_t>();
    case kFloat32:
      return read_numbers<float, double>();
    case kFloat64:
      return read_numbers<double, double>();
    case kBool: {
      std::vector<bool> values(read_count(1));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = read<std::uint8_t>() != 0;
      return values;
    }
    case kString: {
      std::vector<std::string_view> values(read_count(sizeof(std::uint64_t)));
      for (std::string_view& value : values) value = read_string();
      return values;
    }
    default:
      fail(fmt::format("expected an array of numbers, booleans or strings, found type {}", type));
  }
}

void GgufParser::parse_tensor() {
  subject_ = "tensor name";
  const std::string_view name = read_string();
  if (name.size() > kMaxNameBytes)
    fail(fmt::format("expected at most {} bytes, found {}", kMaxNameBytes, name.size()));
  GgufTensor tensor;
  tensor.name = std::string(name);
  subject_ = "tensor " + tensor.name;
  const auto num_dims = read<std::uint32_t>();
  if (num_dims > kMaxDims)
    fail(fmt::format("expected at most {} dimensions, found {}", kMaxDims, num_dims));
  std::int64_t elements = 1;
  for (std::uint32_t d = 0; d < num_dims; ++d) {
    const auto extent = read<std::uint64_t>();
    // No stored type takes less than 84/256 byte a value, so more than 4 values a byte is a lie.
    const std::size_t room = 4 * bytes_.size() / static_cast<std::size_t>(elements);
    if (extent > room)
      fail(fmt::format("dimension {} of {} does not fit a file of {} bytes", d, extent,
                       bytes_.size()));
    elements *= std::max<std::int64_t>(static_cast<std::int64_t>(extent), 1);
    tensor.shape.insert(tensor.shape.begin(), static_cast<std::int64_t>(extent));
  }
  const auto type = read<std::uint32_t>();
  tensor.layout = find_ggml_layout(type);
  if (tensor.layout == nullptr) fail(fmt::format("unknown tensor type {}", type));
  if (tensor.row_length() % tensor.layout->block_elements != 0)
    fail(fmt::format("rows of {} expected a multiple of {} values, found {}", tensor.layout->name,
                     tensor.layout->block_elements, tensor.row_length()));
  offsets_.push_back(read<std::uint64_t>());
  if (!file_.tensor_index_.emplace(tensor.name, file_.tensors_.size()).second)
    fail("the tensor comes twice");
  file_.tensors_.push_back(std::move(tensor));
}

void GgufParser::place_tensors() {
  subject_ = "key general.alignment";
  const std::int64_t alignment =
      file_.has("general.alignment") ? file_.integer("general.alignment") : kDefaultAlignment;
  if (alignment < 1 || alignment > (1 << 20) ||
      !std::has_single_bit(static_cast<std::uint64_t>(alignment)))
    fail(fmt::format("expected a power of two up to 2^20, found {}", alignment));
  const auto step = static_cast<std::size_t>(alignment);
  const std::size_t start = (position_ + step - 1) / step * step;
  const std::size_t size = start < bytes_.size() ? bytes_.size() - start : 0;
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    GgufTensor& tensor = file_.tensors_[i];
    subject_ = "tensor " + tensor.name;
    const auto length = static_cast<std::size_t>(
        tensor.num_elements() / tensor.layout->block_elements * tensor.layout->block_bytes);
    if (offsets_[i] % step != 0)
      fail(fmt::format("expected an offset divisible by {}, found {}", step, offsets_[i]));
    if (offsets_[i] > size || length > size - offsets_[i])
      fail(fmt::format("expected {} bytes at offset {}, found a data section of {} bytes", length,
                       offsets_[i], size));
    tensor.data = bytes_.subspan(start + offsets_[i], length);
  }
  check_overlaps();
}

void GgufParser::check_overlaps() {
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : file_.tensors_)
    if (!tensor.data.empty()) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const GgufTensor* a, const GgufTensor* b) {
    return a->data.data() < b->data.data();
  });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const auto& before = order[i - 1]->data;
    subject_ = "tensor " + order[i]->name;
    if (before.data() + before.size() > order[i]->data.data())
      fail(fmt::format("expected bytes of its own, found some of tensor {}", order[i - 1]->name));
  }
}

}  // namespace r1::checkpoint
