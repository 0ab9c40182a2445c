#include "data/packed_text.h"

#include <zlib.h>

#include <array>
#include <cstdint>

#include "base/base64.h"
#include "base/errors.h"

namespace r1::data {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

[[noreturn]] void fail(const std::string& what) {
  throw base::InputError("a packed text: " + what);
}

std::string inflated(const std::string& bytes) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) fail("zlib cannot be started");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= kMostBytes) {
    std::array<char, 1 << 16> block;
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(block.data(), block.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > kMostBytes) fail("longer than 256 MiB");
  if (status != Z_STREAM_END) fail("not zlib's form, or cut off");
  return out;
}

/// The opcodes that a pickled string has.
class Pickle {
 public:
  explicit Pickle(std::string_view bytes) : rest_(bytes) {}

  std::string text() {
    std::string found;
    bool has_text = false;
    for (;;) {
      switch (static_cast<unsigned char>(take(1)[0])) {
        case 0x80:  // PROTO
          take(1);
          break;
        case 0x95:  // FRAME
          take(8);
          break;
        case 0x8C:  // SHORT_BINUNICODE
          found = take(number(1));
          has_text = true;
          break;
        case 'X':  // BINUNICODE
          found = take(number(4));
          has_text = true;
          break;
        case 0x8D:  // BINUNICODE8
          found = take(number(8));
          has_text = true;
          break;
        case 0x94:  // MEMOIZE
          break;
        case 'q':  // BINPUT
          take(1);
          break;
        case 'r':  // LONG_BINPUT
          take(4);
          break;
        case '.':  // STOP
          if (!has_text) fail("a pickle of nothing");
          return found;
        default:
          fail("a pickle of something else than a string");
      }
    }
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) fail("a pickle that is cut off");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::size_t number(std::size_t bytes) {
    std::size_t value = 0;
    const std::string_view digits = take(bytes);
    for (std::size_t i = bytes; i-- > 0;)
      value = value << 8 | static_cast<unsigned char>(digits[i]);
    return value;
  }

  std::string_view rest_;
};

}  // namespace

std::string unpack_pickled_text(std::string_view packed) {
  const std::string bytes = inflated(base::from_base64(packed));
  return Pickle(bytes).text();
}

}  // namespace r1::data
