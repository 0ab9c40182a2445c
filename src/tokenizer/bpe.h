#pragma once
// Byte-pair encoding (BPE) of one word: pairs of symbols are merged by rank, leftmost first.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// Immutable and thread-safe; each thread passes its own Workspace.
class Bpe {
 public:
  /// Buffers of one thread.
  struct Workspace {
    struct Symbol {
      TokenId id;
      std::int32_t previous;  // -1: none
      std::int32_t next;      // -1: none
    };
    struct Candidate {
      std::uint64_t order;  // rank in the upper half, position in the lower
      TokenId left;
      TokenId right;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  /// Throws: InputError naming a merge whose parts or result are not in the vocabulary.
  explicit Bpe(const Definition& definition);

  /// Appends the ids of a word. Bytes without a token are dropped.
  void encode(std::string_view word, Workspace& workspace, std::vector<TokenId>& out) const;

 private:
  struct Merge {
    std::uint64_t pair = kNoPair;  // left id in the upper half, right id in the lower
    std::int32_t rank = 0;
    TokenId result = 0;
  };
  static constexpr std::uint64_t kNoPair = ~std::uint64_t{0};
  static std::uint64_t pair_of(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t slot_of(std::uint64_t pair) const {
    return static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15u) >> shift_);
  }
  void insert(std::uint64_t pair, std::int32_t rank, TokenId result);
  const Merge* find(TokenId left, TokenId right) const;
  void offer(std::int32_t position, Workspace& workspace) const;
  void merge_all(Workspace& workspace) const;

  std::array<TokenId, 256> byte_ids_;  // -1: none
  std::vector<Merge> merges_;          // open addressing
  int shift_ = 0;
  std::unordered_map<std::string, TokenId> whole_words_;  // bytes -> id, only with ignore_merges
};

}  // namespace r1::tokenizer
