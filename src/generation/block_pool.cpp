#include "generation/block_pool.h"

#include "base/errors.h"

namespace r1::generation {

BlockPool::BlockPool(std::int64_t num_blocks)
    : holders_(static_cast<std::size_t>(num_blocks), 0),
      places_(holders_.size()),
      content_(holders_.size(), 0),
      keys_(holders_.size(), nullptr) {
  for (std::int64_t block = num_blocks; block-- > 0;)
    empty_.push_back(static_cast<std::int32_t>(block));
}

std::int32_t BlockPool::allocate() {
  R1_CHECK(num_free() > 0, "the KV cache has no free block");
  std::int32_t block = 0;
  if (!empty_.empty()) {
    block = empty_.back();
    empty_.pop_back();
  } else {
    block = unused_.front();
    unused_.pop_front();
    forget(block);
  }
  holders_[index(block)] = 1;
  return block;
}

void BlockPool::retain(std::int32_t block) {
  if (holders_[index(block)]++ == 0) unused_.erase(places_[index(block)]);
}

void BlockPool::release(std::int32_t block) {
  if (--holders_[index(block)] > 0) return;
  if (keys_[index(block)] != nullptr) {
    places_[index(block)] = unused_.insert(unused_.end(), block);
    return;
  }
  content_[index(block)] = 0;
  empty_.push_back(block);
}

void BlockPool::release(const std::vector<std::int32_t>& blocks) {
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) release(*block);
}

void BlockPool::publish(std::int32_t block, std::int32_t parent,
                        std::vector<data::TokenId> tokens) {
  R1_CHECK(parent == kNoBlock || is_published(parent),
           "block {} is behind block {}, whose content "
           "is unknown",
           block, parent);
  const auto parent_content = parent == kNoBlock ? 0 : content_[index(parent)];
  const auto [entry, is_new] = found_.try_emplace({parent_content, std::move(tokens)}, block);
  // Of equal blocks the first one is found; what follows either of them follows the same content.
  content_[index(block)] = is_new ? next_content_++ : content_[index(entry->second)];
  if (is_new) keys_[index(block)] = &entry->first;
}

std::int32_t BlockPool::find(std::int32_t parent, const std::vector<data::TokenId>& tokens) {
  const auto entry = found_.find({parent == kNoBlock ? 0 : content_[index(parent)], tokens});
  if (entry == found_.end()) return kNoBlock;
  retain(entry->second);
  return entry->second;
}

void BlockPool::forget_contents() {
  for (const auto block : unused_) empty_.push_back(block);
  unused_.clear();
  found_.clear();
  keys_.assign(keys_.size(), nullptr);
  content_.assign(content_.size(), 0);
}

void BlockPool::forget(std::int32_t block) {
  const auto* key = std::exchange(keys_[index(block)], nullptr);
  if (key != nullptr) found_.erase(found_.find(*key));
  content_[index(block)] = 0;
}

/// FNV-1a over the parent's number and the tokens.
std::size_t BlockPool::KeyHash::operator()(const Key& key) const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&hash](std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3ULL; };
  add(key.parent);
  for (const auto token : key.tokens) add(static_cast<std::uint64_t>(token));
  return hash ^ (hash >> 32);
}

}  // namespace r1::generation
