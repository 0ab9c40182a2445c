#include "tokenizer/fingerprint.h"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string_view>

namespace r1::tokenizer {
namespace {

class Fnv1a {
 public:
  /// Length first, so that "ab", "c" and "a", "bc" differ.
  void add(std::string_view text) {
    add(text.size());
    for (const char character : text) step(static_cast<unsigned char>(character));
  }
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) step(static_cast<unsigned char>(number >> (8 * i)));
  }
  std::uint64_t value() const { return value_; }

 private:
  void step(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001B3u; }
  std::uint64_t value_ = 0xCBF29CE484222325u;
};

}  // namespace

std::string fingerprint_of(const Definition& definition) {
  std::map<TokenId, std::string_view> tokens;  // some files list added tokens in the vocabulary too
  for (std::size_t id = 0; id < definition.vocab.size(); ++id)
    if (!definition.vocab[id].empty()) tokens[static_cast<TokenId>(id)] = definition.vocab[id];
  for (const AddedToken& token : definition.added_tokens) tokens[token.id] = token.content;
  Fnv1a hash;
  for (const auto& [id, token] : tokens) {
    hash.add(static_cast<std::uint64_t>(id));
    hash.add(token);
  }
  for (const auto& [left, right] : definition.merges) {
    hash.add(left);
    hash.add(right);
  }
  for (const AddedToken& token : definition.added_tokens) {
    hash.add(static_cast<std::uint64_t>(token.id));
    hash.add(static_cast<std::uint64_t>(token.special));
  }
  for (const std::string& pattern : definition.split_patterns) hash.add(pattern);
  hash.add(static_cast<std::uint64_t>(definition.normaliser));
  hash.add(static_cast<std::uint64_t>(definition.ignore_merges));
  return fmt::format("{:016x}", hash.value());
}

}  // namespace r1::tokenizer
