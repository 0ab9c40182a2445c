#include "checkpoint/formats/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/errors.h"
#include "base/json.h"

namespace r1::checkpoint {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit
// What a tensor with an empty dimension may take without it: its strides must not overflow.
constexpr std::size_t kMaxEmptyBytes = std::size_t{1} << 40;

[[noreturn]] void fail(const std::string& path, const std::string& name,
                       const std::string& message) {
  throw base::InputError(fmt::format("{}: tensor {}: {}", path, name, message));
}

nlohmann::json parse_header(const MappedFile& file) {
  const auto bytes = file.bytes();
  std::uint64_t length = 0;
  if (bytes.size() < sizeof(length))
    throw base::InputError(
        fmt::format("{}: expected a safetensors file of at least 8 bytes, found {}", file.path(),
                    bytes.size()));
  std::memcpy(&length, bytes.data(), sizeof(length));
  const std::uint64_t room =
      std::min<std::uint64_t>(bytes.size() - sizeof(length), kMaxHeaderBytes);
  if (length > room)
    throw base::InputError(fmt::format("{}: expected a header of at most {} bytes, found {}",
                                       file.path(), room, length));
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof(length);
  nlohmann::json header =
      base::parse_json({text, static_cast<std::size_t>(length)}, file.path() + ": header");
  if (!header.is_object())
    throw base::InputError(fmt::format("{}: header: expected a JSON object, found {}", file.path(),
                                       header.type_name()));
  return header;
}

/// A list of non-negative integers below 2^63.
std::vector<std::int64_t> read_integers(const std::string& path, const std::string& name,
                                        const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array())
    fail(path, name, fmt::format("expected a list '{}', found none", key));
  std::vector<std::int64_t> values;
  for (const auto& item : *found) {
    if (!item.is_number_unsigned() ||
        item.get<std::uint64_t>() >
            static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      fail(path, name, fmt::format("expected integers >= 0 in '{}', found {}", key, item.dump()));
    values.push_back(item.get<std::int64_t>());
  }
  return values;
}

std::uint64_t num_bytes(const std::string& path, const SafetensorsTensor& tensor,
                        std::size_t value_size, std::size_t file_size) {
  std::uint64_t bytes = value_size;  // empty dimensions aside
  bool is_empty = false;
  for (const std::int64_t extent : tensor.shape) {
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(extent, 1));
    if (bytes > std::max(kMaxEmptyBytes, file_size) / factor)
      fail(path, tensor.name, fmt::format("its shape does not fit a file of {} bytes", file_size));
    bytes *= factor;
    is_empty = is_empty || extent == 0;
  }
  return is_empty ? 0 : bytes;
}

SafetensorsTensor read_tensor(const std::string& path, const std::string& name,
                              const nlohmann::json& entry, std::span<const std::byte> data) {
  if (!entry.is_object()) fail(path, name, "expected a JSON object, found " + entry.dump());
  SafetensorsTensor tensor{name, {}, read_integers(path, name, entry, "shape"), {}};
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) fail(path, name, "expected a text 'dtype'");
  tensor.dtype = dtype->get<std::string>();
  const auto value_size = safetensors_dtype_size(tensor.dtype);
  if (!value_size) fail(path, name, "unknown dtype " + tensor.dtype);
  const auto offsets = read_integers(path, name, entry, "data_offsets");
  if (offsets.size() != 2 || offsets[0] > offsets[1] ||
      static_cast<std::uint64_t>(offsets[1]) > data.size())
    fail(path, name,
         fmt::format("expected data_offsets [begin, end] within {} bytes, found {}", data.size(),
                     entry["data_offsets"].dump()));
  const std::uint64_t expected = num_bytes(path, tensor, *value_size, data.size());
  const auto found = static_cast<std::uint64_t>(offsets[1] - offsets[0]);
  if (found != expected)
    fail(path, name, fmt::format("expected {} bytes for its shape, found {}", expected, found));
  tensor.data = data.subspan(static_cast<std::size_t>(offsets[0]), found);
  return tensor;
}

void check_coverage(const std::string& path,
                    const std::map<std::string, SafetensorsTensor>& tensors,
                    std::span<const std::byte> data) {
  std::vector<const SafetensorsTensor*> order;
  for (const auto& [name, tensor] : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->data.data(), a->data.size()) < std::pair(b->data.data(), b->data.size());
  });
  const std::byte* next = data.data();
  for (const SafetensorsTensor* tensor : order) {
    if (tensor->data.data() != next)
      fail(path, tensor->name,
           fmt::format("expected to begin at byte {} of the data, found {}", next - data.data(),
                       tensor->data.data() - data.data()));
    next += tensor->data.size();
  }
  const auto covered = static_cast<std::size_t>(next - data.data());
  if (covered != data.size())
    throw base::InputError(fmt::format("{}: expected {} bytes of data for its tensors, found {}",
                                       path, covered, data.size()));
}

}  // namespace

std::optional<std::size_t> safetensors_dtype_size(const std::string& dtype) {
  constexpr std::array<std::pair<std::string_view, std::size_t>, 15> sizes = {{{"F64", 8},
                                                                               {"F32", 4},
                                                                               {"F16", 2},
                                                                               {"BF16", 2},
                                                                               {"I64", 8},
                                                                               {"I32", 4},
                                                                               {"I16", 2},
                                                                               {"I8", 1},
                                                                               {"U64", 8},
                                                                               {"U32", 4},
                                                                               {"U16", 2},
                                                                               {"U8", 1},
                                                                               {"BOOL", 1},
                                                                               {"F8_E4M3", 1},
                                                                               {"F8_E5M2", 1}}};
  for (const auto& [name, size] : sizes)
    if (name == dtype) return size;
  return std::nullopt;
}

std::int64_t SafetensorsTensor::num_elements() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(path) {
  const nlohmann::json header = parse_header(file_);
  std::uint64_t length = 0;
  std::memcpy(&length, file_.bytes().data(), sizeof(length));
  const auto data = file_.bytes().subspan(sizeof(length) + static_cast<std::size_t>(length));
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      tensors_.emplace(name, read_tensor(path, name, entry, data));
      continue;
    }
    if (!entry.is_object())
      throw base::InputError(fmt::format("{}: expected __metadata__ to be an object", path));
    for (const auto& [key, value] : entry.items())
      metadata_[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  check_coverage(path, tensors_, data);
}

const SafetensorsTensor* SafetensorsFile::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const SafetensorsTensor& SafetensorsFile::tensor(const std::string& name) const {
  const SafetensorsTensor* found = find(name);
  if (found == nullptr) throw base::InputError(fmt::format("{}: no tensor named {}", path(), name));
  return *found;
}

}  // namespace r1::checkpoint
