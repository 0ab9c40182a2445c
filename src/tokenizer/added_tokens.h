#pragma once
// Finds added tokens in a text: the leftmost token first, and the longest token at one position.
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// A trie of added tokens, by bytes. Immutable after add(), thread-safe.
class AddedTokenMatcher {
 public:
  struct Match {
    std::size_t begin;
    std::size_t end;  // begin == end: no token was found
    TokenId id;
  };

  AddedTokenMatcher();
  void add(const AddedToken& token);
  bool empty() const { return nodes_.size() == 1; }

  /// The first added token at or after `from`. `with_special` = false skips control tokens.
  Match find(std::string_view text, std::size_t from, bool with_special) const;

 private:
  struct Node {
    std::vector<std::pair<unsigned char, std::uint32_t>> children;
    TokenId id = -1;
    bool special = false;
  };
  Match match_at(std::string_view text, std::size_t begin, bool with_special) const;

  std::vector<Node> nodes_;
  std::array<bool, 256> starts_{};  // bytes that begin a token
};

}  // namespace r1::tokenizer
