#include "rewards/workers/wire.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/crc32c.h"

namespace r1::rewards::workers {
namespace {

constexpr std::uint32_t kMagic = 0x4B573152;  // "R1WK"
constexpr std::size_t kMaxLength = std::size_t{1} << 30;

struct Header {
  std::uint32_t magic = kMagic;
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
};

void check_header(const Header& header) {
  if (header.magic != kMagic || header.length > kMaxLength)
    throw WireError(fmt::format("a worker's frame begins with {:#x} and length {}, expected {:#x}",
                                header.magic, header.length, kMagic));
}

void check_payload(const Header& header, std::string_view payload) {
  const auto crc = base::crc32c(payload.data(), payload.size());
  if (crc != header.crc)
    throw WireError(fmt::format("a worker's frame of {} bytes has CRC {:#x}, expected {:#x}",
                                payload.size(), crc, header.crc));
}

/// False: the other end closed before the first byte.
bool read_exactly(int fd, char* data, std::size_t size, bool may_end) {
  for (std::size_t got = 0; got < size;) {
    const ssize_t n = ::read(fd, data + got, size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0 && got == 0 && may_end) return false;
    if (n <= 0)
      throw WireError(n == 0 ? "a worker's frame ends early"
                             : fmt::format("reading a worker's frame: {}", std::strerror(errno)));
    got += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

void Packer::text(std::string_view value) {
  number(static_cast<std::uint64_t>(value.size()));
  bytes_.append(value);
}

std::string Unpacker::text() {
  const auto size = number<std::uint64_t>();
  return std::string(bytes(static_cast<std::size_t>(size)));
}

std::string_view Unpacker::bytes(std::size_t size) {
  if (size > rest_.size())
    throw WireError(
        fmt::format("a worker's message has {} bytes left, expected {}", rest_.size(), size));
  const auto part = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return part;
}

std::string frame(std::string_view payload) {
  if (payload.size() > kMaxLength)
    throw WireError(
        fmt::format("a message of {} bytes for a worker, at most {}", payload.size(), kMaxLength));
  const Header header{kMagic, static_cast<std::uint32_t>(payload.size()),
                      base::crc32c(payload.data(), payload.size())};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(payload);
  return bytes;
}

std::optional<std::string> FrameBuffer::next() {
  Header header;
  if (bytes_.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes_.data(), sizeof header);
  check_header(header);
  if (bytes_.size() < sizeof header + header.length) return std::nullopt;
  std::string payload = bytes_.substr(sizeof header, header.length);
  check_payload(header, payload);
  bytes_.erase(0, sizeof header + header.length);
  return payload;
}

std::optional<std::string> read_frame(int fd) {
  Header header;
  if (!read_exactly(fd, reinterpret_cast<char*>(&header), sizeof header, true)) return std::nullopt;
  check_header(header);
  std::string payload(header.length, '\0');
  read_exactly(fd, payload.data(), payload.size(), false);
  check_payload(header, payload);
  return payload;
}

void write_frame(int fd, std::string_view payload) {
  const std::string bytes = frame(payload);
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw WireError(fmt::format("writing a worker's frame: {}", std::strerror(errno)));
    sent += static_cast<std::size_t>(n);
  }
}

}  // namespace r1::rewards::workers
