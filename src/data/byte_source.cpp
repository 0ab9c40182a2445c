#include "data/byte_source.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/errors.h"
#include "base/files.h"

namespace r1::data {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 18;

std::unique_ptr<std::filebuf> open_file(const std::string& path) {
  auto stream = base::open_stream(path);
  return std::make_unique<std::filebuf>(std::move(*stream.rdbuf()));
}

/// A compressed file: blocks of it go in, blocks of text come out.
class Unpacker : public std::streambuf {
 public:
  Unpacker(std::string path, std::unique_ptr<std::filebuf> file)
      : path_(std::move(path)), file_(std::move(file)), packed_(kBlock), text_(kBlock) {}

 protected:
  int_type underflow() final {
    std::size_t size = 0;
    while (size == 0) {
      if (next_ == size_) {
        const auto n = file_->sgetn(packed_.data(), static_cast<std::streamsize>(packed_.size()));
        next_ = 0;
        size_ = n > 0 ? static_cast<std::size_t>(n) : 0;
        if (size_ == 0 && !between_members_) fail("the file ends inside its compressed data");
        if (size_ == 0) return traits_type::eof();
      }
      size = unpack();
    }
    setg(text_.data(), text_.data(), text_.data() + size);
    return traits_type::to_int_type(text_.front());
  }

  /// Takes from packed_[next_, size_), moves next_, writes into text_; the bytes written.
  virtual std::size_t unpack() = 0;
  [[noreturn]] void fail(const std::string& reason) const {
    throw base::InputError(fmt::format("{}: {}", path_, reason));
  }

  std::string path_;
  std::unique_ptr<std::filebuf> file_;
  std::vector<char> packed_, text_;
  std::size_t next_ = 0, size_ = 0;
  bool between_members_ = false;  // the data may end here
};

class GzipUnpacker final : public Unpacker {
 public:
  GzipUnpacker(std::string path, std::unique_ptr<std::filebuf> file)
      : Unpacker(std::move(path), std::move(file)) {
    constexpr int kGzipOnly = 15 + 16;  // the largest window, a gzip header
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw base::InternalError("zlib: no memory");
  }
  ~GzipUnpacker() override { inflateEnd(&stream_); }
  GzipUnpacker(const GzipUnpacker&) = delete;
  GzipUnpacker& operator=(const GzipUnpacker&) = delete;

 protected:
  std::size_t unpack() override {
    if (between_members_) inflateReset(&stream_);
    between_members_ = false;
    stream_.next_in = reinterpret_cast<Bytef*>(packed_.data() + next_);
    stream_.avail_in = static_cast<uInt>(size_ - next_);
    stream_.next_out = reinterpret_cast<Bytef*>(text_.data());
    stream_.avail_out = static_cast<uInt>(text_.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    next_ = size_ - stream_.avail_in;
    if (status == Z_STREAM_END)
      between_members_ = true;
    else if (status != Z_OK && status != Z_BUF_ERROR)
      fail(fmt::format("damaged gzip data: {}", stream_.msg == nullptr ? "unknown" : stream_.msg));
    return text_.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
};

class ZstdUnpacker final : public Unpacker {
 public:
  ZstdUnpacker(std::string path, std::unique_ptr<std::filebuf> file)
      : Unpacker(std::move(path), std::move(file)), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw base::InternalError("zstd: no memory");
  }
  ~ZstdUnpacker() override { ZSTD_freeDStream(stream_); }
  ZstdUnpacker(const ZstdUnpacker&) = delete;
  ZstdUnpacker& operator=(const ZstdUnpacker&) = delete;

 protected:
  std::size_t unpack() override {
    ZSTD_inBuffer in{packed_.data(), size_, next_};
    ZSTD_outBuffer out{text_.data(), text_.size(), 0};
    const std::size_t status = ZSTD_decompressStream(stream_, &out, &in);
    if (ZSTD_isError(status) != 0)
      fail(fmt::format("damaged Zstandard data: {}", ZSTD_getErrorName(status)));
    next_ = in.pos;
    between_members_ = status == 0;
    return out.pos;
  }

 private:
  ZSTD_DStream* stream_;
};

struct Compression {
  std::string_view magic;
  const char* name;
};
constexpr std::string_view kGzip = "\x1f\x8b", kZstd = "\x28\xb5\x2f\xfd";
constexpr std::array<Compression, 3> kUnknown{{{std::string_view("\xfd"
                                                                 "7zXZ",
                                                                 5),
                                                "xz"},
                                               {"BZh", "bzip2"},
                                               {"PK\x03\x04", "zip"}}};

}  // namespace

std::string first_bytes(const std::string& path, std::size_t size) {
  const auto file = open_file(path);
  std::string bytes(size, '\0');
  const auto n = file->sgetn(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

std::unique_ptr<std::streambuf> open_bytes(const std::string& path) {
  const std::string magic = first_bytes(path, 6);
  for (const auto& [unknown, name] : kUnknown)
    if (magic.starts_with(unknown))
      throw base::InputError(
          fmt::format("{}: compressed by {}: expected plain text, gzip or Zstandard", path, name));
  auto file = open_file(path);
  if (magic.starts_with(kGzip)) return std::make_unique<GzipUnpacker>(path, std::move(file));
  if (magic.starts_with(kZstd)) return std::make_unique<ZstdUnpacker>(path, std::move(file));
  return file;
}

}  // namespace r1::data
