#pragma once
// The byte format between the program and its worker processes: values in native byte order, in
// frames with length and CRC.
//
// A frame is {uint32 magic, uint32 length, uint32 CRC32C of the payload, payload}. Both ends are
// the same build on the same machine.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/errors.h"

namespace r1::rewards::workers {

/// Invalid bytes in a frame, an end of file inside a frame, or a failed read or write.
struct WireError : base::Error {
  explicit WireError(const std::string& message) : Error(message, base::ExitCode::Failure) {}
};

class Packer {
 public:
  template <class Number>
  void number(Number value) {
    static_assert(std::is_arithmetic_v<Number>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view value);
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads values written by a Packer. All functions throw WireError at the end of the bytes.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  template <class Number>
  Number number() {
    static_assert(std::is_arithmetic_v<Number>);
    Number value;
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
    return value;
  }
  std::string text();
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view bytes(std::size_t size);

  std::string_view rest_;
};

/// Puts a frame around a payload. Throws: WireError if the payload exceeds 1 GiB.
std::string frame(std::string_view payload);

/// Collects bytes as they arrive and returns whole payloads.
class FrameBuffer {
 public:
  void append(const char* data, std::size_t size) { bytes_.append(data, size); }
  /// Throws: WireError for a wrong magic number, length or CRC.
  std::optional<std::string> next();

 private:
  std::string bytes_;
};

/// Waits for a whole frame; nothing: the other end is closed. Throws: WireError.
std::optional<std::string> read_frame(int fd);
void write_frame(int fd, std::string_view payload);

}  // namespace r1::rewards::workers
