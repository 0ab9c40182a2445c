#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>

#include "base/errors.h"
#include "tokenizer/byte_alphabet.h"

namespace r1::tokenizer {
namespace {

TokenId require_id(const std::unordered_map<std::string_view, TokenId>& ids,
                   const std::string& token, std::size_t merge) {
  const auto found = ids.find(token);
  if (found == ids.end())
    throw base::InputError(
        fmt::format("merge {}: expected a token of the vocabulary, found {}", merge, token));
  return found->second;
}

// A min-heap: the best candidate is at the front.
bool comes_later(const Bpe::Workspace::Candidate& a, const Bpe::Workspace::Candidate& b) {
  return a.order > b.order;
}

}  // namespace

Bpe::Bpe(const Definition& definition) {
  std::unordered_map<std::string_view, TokenId> ids;
  for (std::size_t id = 0; id < definition.vocab.size(); ++id)
    if (!definition.vocab[id].empty()) ids.emplace(definition.vocab[id], static_cast<TokenId>(id));
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    const auto found = ids.find(byte_spelling(static_cast<unsigned char>(byte)));
    byte_ids_[byte] = found == ids.end() ? -1 : found->second;
  }
  const std::size_t capacity = std::bit_ceil(2 * definition.merges.size() + 2);
  merges_.resize(capacity);
  shift_ = 64 - std::countr_zero(capacity);
  for (std::size_t i = 0; i < definition.merges.size(); ++i) {
    const auto& [left, right] = definition.merges[i];
    insert(pair_of(require_id(ids, left, i), require_id(ids, right, i)),
           static_cast<std::int32_t>(i), require_id(ids, left + right, i));
  }
  if (!definition.ignore_merges) return;
  for (const auto& [token, id] : ids)
    if (auto bytes = spelled_bytes(token)) whole_words_.emplace(std::move(*bytes), id);
}

void Bpe::insert(std::uint64_t pair, std::int32_t rank, TokenId result) {
  std::size_t slot = slot_of(pair);
  while (merges_[slot].pair != kNoPair && merges_[slot].pair != pair)
    slot = (slot + 1) & (merges_.size() - 1);
  merges_[slot] = {pair, rank, result};
}

const Bpe::Merge* Bpe::find(TokenId left, TokenId right) const {
  const std::uint64_t pair = pair_of(left, right);
  for (std::size_t slot = slot_of(pair);; slot = (slot + 1) & (merges_.size() - 1)) {
    if (merges_[slot].pair == pair) return &merges_[slot];
    if (merges_[slot].pair == kNoPair) return nullptr;
  }
}

void Bpe::offer(std::int32_t position, Workspace& workspace) const {
  const auto& left = workspace.symbols[static_cast<std::size_t>(position)];
  if (left.next < 0) return;
  const TokenId right = workspace.symbols[static_cast<std::size_t>(left.next)].id;
  const Merge* merge = find(left.id, right);
  if (merge == nullptr) return;
  workspace.heap.push_back(
      {static_cast<std::uint64_t>(merge->rank) << 32 | static_cast<std::uint32_t>(position),
       left.id, right});
  std::push_heap(workspace.heap.begin(), workspace.heap.end(), comes_later);
}

void Bpe::merge_all(Workspace& workspace) const {
  auto& symbols = workspace.symbols;
  while (!workspace.heap.empty()) {
    std::pop_heap(workspace.heap.begin(), workspace.heap.end(), comes_later);
    const Workspace::Candidate best = workspace.heap.back();
    workspace.heap.pop_back();
    const auto position = static_cast<std::int32_t>(best.order & 0xFFFFFFFFu);
    auto& left = symbols[static_cast<std::size_t>(position)];
    if (left.id != best.left || left.next < 0) continue;  // merged since it was offered
    auto& right = symbols[static_cast<std::size_t>(left.next)];
    if (right.id != best.right) continue;
    left.id = find(best.left, best.right)->result;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) symbols[static_cast<std::size_t>(left.next)].previous = position;
    offer(position, workspace);
    if (left.previous >= 0) offer(left.previous, workspace);
  }
}

void Bpe::encode(std::string_view word, Workspace& workspace, std::vector<TokenId>& out) const {
  if (!whole_words_.empty()) {
    const auto found = whole_words_.find(std::string(word));
    if (found != whole_words_.end()) {
      out.push_back(found->second);
      return;
    }
  }
  auto& symbols = workspace.symbols;
  symbols.clear();
  for (const char character : word) {
    const TokenId id = byte_ids_[static_cast<unsigned char>(character)];
    const auto position = static_cast<std::int32_t>(symbols.size());
    if (id >= 0) symbols.push_back({id, position - 1, position + 1});
  }
  if (symbols.empty()) return;
  symbols.back().next = -1;
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
    offer(static_cast<std::int32_t>(i), workspace);
  merge_all(workspace);
  for (std::int32_t at = 0; at >= 0; at = symbols[static_cast<std::size_t>(at)].next)
    out.push_back(symbols[static_cast<std::size_t>(at)].id);
}

}  // namespace r1::tokenizer
