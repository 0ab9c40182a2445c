#include "mpi/message.h"

#include <ATen/ATen.h>

#include <cstring>
#include <limits>
#include <type_traits>

#include "base/crc32c.h"
#include "base/errors.h"

namespace r1::mpi {
namespace {

constexpr std::uint32_t kMagic = 0x4d31'5231;  // "1R1M"

struct Header {
  std::uint32_t magic = kMagic;
  std::uint32_t crc = 0;  // of everything behind this field
  std::uint64_t type_bytes = 0;
  std::uint64_t table_bytes = 0;
  std::uint64_t archive_bytes = 0;
};
static_assert(std::is_trivially_copyable_v<Header>);
constexpr std::size_t kCrcBegin = offsetof(Header, type_bytes);

std::uint32_t crc_of(const std::string& bytes) {
  return base::crc32c(bytes.data() + kCrcBegin, bytes.size() - kCrcBegin);
}

template <class T>
void put(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Reads values off a block whose CRC was right; a table that is too short is a bug, not damage.
class Cursor {
 public:
  explicit Cursor(const std::string& bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    R1_CHECK(position_ + sizeof(T) <= bytes_.size(), "tensor table of {} bytes", bytes_.size());
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }
  bool at_end() const { return position_ == bytes_.size(); }

 private:
  const std::string& bytes_;
  std::size_t position_ = 0;
};

std::string write_table(const std::vector<at::Tensor>& tensors) {
  std::string table;
  for (const auto& tensor : tensors) {
    R1_CHECK(tensor.is_cpu() && tensor.is_contiguous(), "tensor of a message");
    put(table, static_cast<std::int32_t>(tensor.scalar_type()));
    put(table, static_cast<std::int32_t>(tensor.dim()));
    for (const auto size : tensor.sizes()) put(table, static_cast<std::int64_t>(size));
    put(table, base::crc32c(tensor.const_data_ptr(), tensor.nbytes()));
  }
  return table;
}

std::vector<TensorDescription> read_table(const std::string& bytes) {
  std::vector<TensorDescription> table;
  Cursor cursor(bytes);
  while (!cursor.at_end()) {
    TensorDescription description;
    description.dtype = static_cast<at::ScalarType>(cursor.get<std::int32_t>());
    const auto dim = cursor.get<std::int32_t>();
    for (std::int32_t i = 0; i < dim; ++i) description.shape.push_back(cursor.get<std::int64_t>());
    description.crc = cursor.get<std::uint32_t>();
    table.push_back(std::move(description));
  }
  return table;
}

}  // namespace

std::string write_head(const Encoded& encoded) {
  const auto table = write_table(encoded.tensors);
  Header header;
  header.type_bytes = encoded.type.size();
  header.table_bytes = table.size();
  header.archive_bytes = encoded.archive.size();
  std::string bytes;
  bytes.reserve(sizeof(header) + encoded.type.size() + table.size() + encoded.archive.size());
  put(bytes, header);
  bytes += encoded.type;
  bytes += table;
  bytes += encoded.archive;
  const auto crc = crc_of(bytes);
  std::memcpy(bytes.data() + offsetof(Header, crc), &crc, sizeof(crc));
  return bytes;
}

MessageHead read_head(const std::string& bytes, const std::string& origin) {
  Header header;
  if (bytes.size() < sizeof(header))
    throw base::MpiError(fmt::format("message {}: expected at least {} bytes, found {}", origin,
                                     sizeof(header), bytes.size()));
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kMagic)
    throw base::MpiError(fmt::format("message {}: expected magic number {:#x}, found {:#x}", origin,
                                     kMagic, header.magic));
  if (const auto crc = crc_of(bytes); crc != header.crc)
    throw base::MpiError(fmt::format("message {} is corrupt: expected CRC32C {:#x}, found {:#x}",
                                     origin, header.crc, crc));
  const auto body = header.type_bytes + header.table_bytes + header.archive_bytes;
  if (body != bytes.size() - sizeof(header))
    throw base::MpiError(fmt::format("message {}: expected {} bytes, found {}", origin,
                                     body + sizeof(header), bytes.size()));
  auto position = sizeof(header);
  const auto next = [&](std::uint64_t size) {
    position += size;
    return bytes.substr(position - size, size);
  };
  MessageHead head;
  head.type = next(header.type_bytes);
  head.tensors = read_table(next(header.table_bytes));
  head.archive = next(header.archive_bytes);
  return head;
}

void check_tensor(const at::Tensor& tensor, const TensorDescription& description,
                  std::size_t number, const std::string& origin) {
  const auto crc = base::crc32c(tensor.const_data_ptr(), tensor.nbytes());
  if (crc != description.crc)
    throw base::MpiError(
        fmt::format("message {}: tensor {} is corrupt (or was changed while it was sent): expected "
                    "CRC32C {:#x}, found {:#x}",
                    origin, number, description.crc, crc));
}

}  // namespace r1::mpi
