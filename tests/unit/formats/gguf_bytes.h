#pragma once
// Builds GGUF files for tests.
#include <cstdint>
#include <string>
#include <vector>

namespace r1::test {

/// Writes the pieces of a GGUF file as its format says, so that each can be made wrong.
class GgufBytes {
 public:
  template <class T>
  GgufBytes& number(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  GgufBytes& text(const std::string& value) {
    number<std::uint64_t>(value.size());
    bytes_ += value;
    return *this;
  }
  GgufBytes& header(std::uint64_t tensors, std::uint64_t values, std::uint32_t version = 3) {
    bytes_ += "GGUF";
    return number(version).number(tensors).number(values);
  }
  GgufBytes& tensor(const std::string& name, const std::vector<std::uint64_t>& dims,
                    std::uint32_t type, std::uint64_t offset) {
    text(name).number(static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) number(dim);
    return number(type).number(offset);
  }
  GgufBytes& data(std::size_t size) {
    bytes_.resize((bytes_.size() + 31) / 32 * 32);
    bytes_.append(size, '\0');
    return *this;
  }
  std::string bytes_;
};

}  // namespace r1::test
