#pragma once
// Who holds which block of the paged KV cache, and what full blocks hold: a prompt that begins as
// an earlier one begins takes over the earlier one's blocks. Bookkeeping alone, free of tensors.
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "data/types.h"

namespace r1::generation {

/// Blocks are held by counts. A block that nobody holds is free; if its content is known the block
/// keeps the content until the block is handed out again, the longest unused one first. Contents
/// are compared token by token: the hash only finds them. Reference: Kwon et al., arXiv 2309.06180.
class BlockPool {
 public:
  static constexpr std::int32_t kNoBlock = -1;

  explicit BlockPool(std::int64_t num_blocks);

  std::int64_t num_blocks() const { return static_cast<std::int64_t>(holders_.size()); }
  /// Blocks that nobody holds, those with known content among them.
  std::int64_t num_free() const {
    return static_cast<std::int64_t>(empty_.size() + unused_.size());
  }
  /// A block held once, its content forgotten. Throws: InternalError when none is free.
  std::int32_t allocate();
  void retain(std::int32_t block);
  void release(std::int32_t block);
  /// Releases the last one first, so that the end of a sequence is forgotten before its beginning.
  void release(const std::vector<std::int32_t>& blocks);

  /// Says that a full block holds `tokens` behind the block `parent` (kNoBlock: the beginning),
  /// whose content is known. From then on nobody writes into the block.
  void publish(std::int32_t block, std::int32_t parent, std::vector<data::TokenId> tokens);
  bool is_published(std::int32_t block) const { return content_[index(block)] != 0; }
  /// A number that a block never has again once it is handed out for something else; equal blocks
  /// have the same. 0: unknown.
  std::uint64_t content(std::int32_t block) const { return content_[index(block)]; }
  /// The block that was published with these tokens behind `parent`, held once more; kNoBlock:
  /// none.
  std::int32_t find(std::int32_t parent, const std::vector<data::TokenId>& tokens);
  /// No content is known any more: the weights that computed it have changed.
  void forget_contents();

 private:
  /// A content's number is unique, so that parent and tokens stand for all tokens from the
  /// beginning.
  struct Key {
    std::uint64_t parent = 0;  // the number of the parent's content; 0: the beginning
    std::vector<data::TokenId> tokens;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };

  static std::size_t index(std::int32_t block) { return static_cast<std::size_t>(block); }
  void forget(std::int32_t block);

  std::vector<std::int32_t> holders_;
  std::vector<std::int32_t> empty_;  // free, of unknown content
  std::list<std::int32_t> unused_;   // free, of known content; the longest unused one first
  std::vector<std::list<std::int32_t>::iterator> places_;  // in unused_, of those that are there
  std::vector<std::uint64_t> content_;                     // 0: unknown
  std::vector<const Key*> keys_;  // of the blocks that are found; null: unknown, or a second copy
  std::unordered_map<Key, std::int32_t, KeyHash> found_;
  std::uint64_t next_content_ = 1;
};

}  // namespace r1::generation
