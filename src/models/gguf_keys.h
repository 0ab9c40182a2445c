#pragma once
// Keys of a GGUF file under its architecture's name: "attention.head_count" of a Qwen2 file is
// "qwen2.attention.head_count".
#include <string>

#include "checkpoint/formats/gguf.h"

namespace r1::models {

class GgufKeys {
 public:
  /// `file` outlives this object.
  GgufKeys(const checkpoint::GgufFile& file, std::string architecture)
      : file_(file), prefix_(std::move(architecture) + ".") {}

  const checkpoint::GgufFile& file() const { return file_; }
  bool has(const std::string& key) const { return file_.has(prefix_ + key); }
  /// Throw: InputError when the key is of another type, and without `fallback` when it is missing.
  std::int64_t integer(const std::string& key) const { return file_.integer(prefix_ + key); }
  std::int64_t integer(const std::string& key, std::int64_t fallback) const {
    return has(key) ? integer(key) : fallback;
  }
  double number(const std::string& key) const { return file_.number(prefix_ + key); }
  double number(const std::string& key, double fallback) const {
    return has(key) ? number(key) : fallback;
  }
  bool boolean(const std::string& key, bool fallback) const {
    return has(key) ? file_.boolean(prefix_ + key) : fallback;
  }
  std::string string(const std::string& key, const std::string& fallback) const {
    return has(key) ? file_.string(prefix_ + key) : fallback;
  }

 private:
  const checkpoint::GgufFile& file_;
  std::string prefix_;
};

}  // namespace r1::models
