#pragma once
// Caches the ids of words, because most words of a text repeat.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// A direct-mapped cache for one thread: a word replaces another word in the same slot. Memory is
/// bounded.
class WordCache {
 public:
  WordCache() : slots_(kNumSlots) {}

  /// Empty: the word is not cached. The span is valid until the next store().
  std::span<const TokenId> find(std::string_view word) const {
    const Slot& slot = slots_[slot_of(word)];
    if (slot.num_ids == 0 || std::string_view(slot.word, slot.word_length) != word) return {};
    return {slot.ids, slot.num_ids};
  }
  /// Words or id lists that are too long for a slot are not cached.
  void store(std::string_view word, std::span<const TokenId> ids) {
    if (word.size() > kMaxWord || ids.size() > kMaxIds || ids.empty()) return;
    Slot& slot = slots_[slot_of(word)];
    slot.word_length = static_cast<std::uint8_t>(word.size());
    slot.num_ids = static_cast<std::uint8_t>(ids.size());
    word.copy(slot.word, word.size());
    std::copy(ids.begin(), ids.end(), slot.ids);
  }

 private:
  static constexpr std::size_t kNumSlots = std::size_t{1} << 15;
  static constexpr std::size_t kMaxWord = 30;
  static constexpr std::size_t kMaxIds = 8;
  struct Slot {  // 64 bytes: a cache line
    TokenId ids[kMaxIds];
    char word[kMaxWord];
    std::uint8_t word_length = 0;
    std::uint8_t num_ids = 0;
  };
  static std::size_t slot_of(std::string_view word) {
    return std::hash<std::string_view>{}(word) & (kNumSlots - 1);
  }

  std::vector<Slot> slots_;
};

}  // namespace r1::tokenizer
