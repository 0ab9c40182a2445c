#include "checkpoint/formats/gguf_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/errors.h"
#include "base/files.h"

namespace r1::checkpoint {
namespace {

constexpr std::size_t kAlignment = 32;

// Types of metadata values.
enum class ValueType : std::uint32_t {
  UInt32 = 4,
  Int32 = 5,
  Float32 = 6,
  Bool = 7,
  String = 8,
  Array = 9
};

/// The file's head in the making.
class Head {
 public:
  template <class Number>
  void number(Number value) {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    bytes_.append(bytes, sizeof value);
  }
  void type(ValueType value) { number(static_cast<std::uint32_t>(value)); }
  void text(const std::string& value) {
    number(static_cast<std::uint64_t>(value.size()));
    bytes_ += value;
  }
  void value(const GgufValue& value) {
    std::visit([this](const auto& known) { write(known); }, value);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void write(std::uint32_t value) {
    type(ValueType::UInt32);
    number(value);
  }
  void write(float value) {
    type(ValueType::Float32);
    number(value);
  }
  void write(bool value) {
    type(ValueType::Bool);
    number(static_cast<std::uint8_t>(value));
  }
  void write(const std::string& value) {
    type(ValueType::String);
    text(value);
  }
  void write(const std::vector<std::string>& values) {
    array(ValueType::String, values.size());
    for (const std::string& value : values) text(value);
  }
  void write(const std::vector<std::int32_t>& values) {
    array(ValueType::Int32, values.size());
    for (const std::int32_t value : values) number(value);
  }
  void array(ValueType of, std::size_t size) {
    type(ValueType::Array);
    type(of);
    number(static_cast<std::uint64_t>(size));
  }

  std::string bytes_;
};

std::size_t num_bytes(const GgufEntry& entry) {
  const GgmlLayout& layout = *find_ggml_layout(static_cast<std::uint32_t>(entry.type));
  return static_cast<std::size_t>(entry.num_elements() / layout.block_elements *
                                  layout.block_bytes);
}

std::size_t aligned(std::size_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

std::uint16_t to_bfloat16(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<std::uint16_t>(bits >> 16);
}

/// IEEE 754 binary16, to nearest, ties to even; too large becomes infinite.
std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (magnitude >= 65520.0f) return static_cast<std::uint16_t>(sign | 0x7c00u);
  // The spacing of halves around the value: rounding to it in fp32 arithmetic is exact.
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const int unit = std::max(exponent - 11, -24);
  const float steps = std::nearbyint(std::ldexp(magnitude, -unit));
  const float rounded = std::ldexp(steps, unit);
  if (rounded < 0x1p-14f)
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::ldexp(rounded, 24)));
  const auto wide = std::bit_cast<std::uint32_t>(rounded);
  return static_cast<std::uint16_t>(sign | (((wide >> 23) - 112u) << 10) | ((wide >> 13) & 1023u));
}

template <class Out>
void put(std::vector<std::byte>& bytes, Out value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

/// 32 values as an fp16 scale and 32 bytes.
void put_q8_0(std::vector<std::byte>& bytes, std::span<const float> block) {
  float largest = 0.0f;
  for (const float value : block) largest = std::max(largest, std::fabs(value));
  const float scale = largest / 127.0f;
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  put(bytes, to_half(scale));
  for (const float value : block) put(bytes, static_cast<std::int8_t>(std::round(value * inverse)));
}

}  // namespace

std::int64_t GgufEntry::num_elements() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

std::vector<std::byte> encode_ggml(GgmlType type, std::span<const float> values) {
  constexpr std::size_t kBlock = 32;
  std::vector<std::byte> bytes;
  bytes.reserve(values.size() * sizeof(float));
  R1_CHECK(type != GgmlType::Q8_0 || values.size() % kBlock == 0, "Q8_0 has blocks of 32 values");
  switch (type) {
    case GgmlType::F32:
      for (const float value : values) put(bytes, value);
      return bytes;
    case GgmlType::F16:
      for (const float value : values) put(bytes, to_half(value));
      return bytes;
    case GgmlType::BF16:
      for (const float value : values) put(bytes, to_bfloat16(value));
      return bytes;
    case GgmlType::Q8_0:
      for (std::size_t i = 0; i < values.size(); i += kBlock)
        put_q8_0(bytes, values.subspan(i, kBlock));
      return bytes;
    default:
      throw base::InternalError("a GGUF type that is only read");
  }
}

GgufWriter::GgufWriter(std::string path,
                       const std::vector<std::pair<std::string, GgufValue>>& metadata,
                       std::vector<GgufEntry> entries)
    : path_(std::move(path)), entries_(std::move(entries)) {
  constexpr std::uint32_t kVersion = 3;
  Head head;
  for (const char c : {'G', 'G', 'U', 'F'}) head.number(c);
  head.number(kVersion);
  head.number(static_cast<std::uint64_t>(entries_.size()));
  head.number(static_cast<std::uint64_t>(metadata.size()));
  for (const auto& [key, value] : metadata) {
    head.text(key);
    head.value(value);
  }
  std::uint64_t offset = 0;
  for (const GgufEntry& entry : entries_) {
    head.text(entry.name);
    head.number(static_cast<std::uint32_t>(entry.shape.size()));
    for (auto size = entry.shape.rbegin(); size != entry.shape.rend(); ++size)
      head.number(static_cast<std::uint64_t>(*size));
    head.number(static_cast<std::uint32_t>(entry.type));
    head.number(offset);
    offset += aligned(num_bytes(entry));
  }
  const std::filesystem::path target(path_);
  temporary_ =
      (target.parent_path() / fmt::format(".{}.{}.partial", target.filename().string(), ::getpid()))
          .string();
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file_ < 0)
    throw base::InputError(fmt::format("{}: cannot write: {}", path_, std::strerror(errno)));
  write_bytes(head.bytes().data(), head.bytes().size());
  pad();
}

GgufWriter::~GgufWriter() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void GgufWriter::write_bytes(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::write(file_, bytes + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw base::InputError(fmt::format("{}: cannot write: {}", path_, std::strerror(errno)));
    done += static_cast<std::size_t>(n);
  }
  written_ += size;
}

void GgufWriter::pad() {
  const std::vector<char> zeros(aligned(written_) - written_, 0);
  write_bytes(zeros.data(), zeros.size());
}

void GgufWriter::write(const std::string& name, std::span<const float> values) {
  R1_CHECK(current_ < entries_.size() && entries_[current_].name == name &&
               entries_[current_].num_elements() == static_cast<std::int64_t>(values.size()),
           "tensor {} out of turn", name);
  const auto bytes = encode_ggml(entries_[current_].type, values);
  write_bytes(bytes.data(), bytes.size());
  pad();
  ++current_;
}

void GgufWriter::finish() {
  R1_CHECK(current_ == entries_.size(), "{} of {} tensors were written", current_, entries_.size());
  if (::fsync(file_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    throw base::InputError(fmt::format("{}: cannot write: {}", path_, std::strerror(errno)));
  ::close(file_);
  file_ = -1;
  const auto parent = std::filesystem::path(path_).parent_path().string();
  base::sync_folder(parent.empty() ? "." : parent);
}

}  // namespace r1::checkpoint
