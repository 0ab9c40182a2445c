#pragma once
// Keys of a GGUF file without the prefix of the architecture: "attention.head_count" stands for
// "qwen2.attention.head_count" in a Qwen2 file.
#include <string>

#include "checkpoint/formats/gguf.h"

namespace r1::models {

class GgufKeys {
 public:
  /// `file` must outlive this object.
  GgufKeys(const checkpoint::GgufFile& file, std::string architecture)
      : file_(file), prefix_(std::move(architecture) + ".") {}

  const checkpoint::GgufFile& file() const { return file_; }
  bool has(const std::string& key) const { return file_.has(prefix_ + key); }
  /// These functions throw InputError if the key has another type, and the forms without `fallback`
  /// also if the key is missing.
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
