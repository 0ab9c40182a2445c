#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/errors.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/fingerprint.h"
#include "tokenizer/normalise.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/utf8.h"
#include "tokenizer/word_cache.h"

namespace r1::tokenizer {
namespace {

constexpr std::size_t kMaxIds = std::size_t{1} << 22;  // far above any real vocabulary

}  // namespace

/// Buffers of one encode() call, reused by later ones.
struct Tokenizer::Workspace {
  PreTokenizer::Workspace words;
  Bpe::Workspace merging;
  WordCache cache;
  std::string normalised;
};

struct Tokenizer::Parts {
  explicit Parts(Definition given)
      : definition(std::move(given)),
        pre_tokenizer(definition.split_patterns),
        bpe(definition),
        fingerprint(fingerprint_of(definition)) {
    std::size_t size = definition.vocab.size();
    for (const AddedToken& token : definition.added_tokens) {
      if (token.id < 0 || static_cast<std::size_t>(token.id) >= kMaxIds)
        throw base::InputError(
            fmt::format("added token {}: id {} is out of range", token.content, token.id));
      size = std::max(size, static_cast<std::size_t>(token.id) + 1);
    }
    bytes.resize(size);
    special.resize(size);
    for (std::size_t id = 0; id < definition.vocab.size(); ++id) {
      const std::string& token = definition.vocab[id];
      if (token.empty()) continue;
      bytes[id] = spelled_bytes(token).value_or(token);
      ids.emplace(token, static_cast<TokenId>(id));
    }
    for (const AddedToken& token : definition.added_tokens) {
      const auto id = static_cast<std::size_t>(token.id);
      bytes[id] = token.content;
      special[id] = token.special;
      ids[token.content] = token.id;
      if (token.normalized) {  // normal text never holds a spelling that is not normal
        AddedToken normal = token;
        std::string storage;
        normal.content = normalise(definition.normaliser, token.content, storage);
        added_in_normalised.add(normal);
      } else {
        added_in_original.add(token);
      }
    }
  }

  std::unique_ptr<Workspace> take_workspace() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Workspace>();
    auto workspace = std::move(idle.back());
    idle.pop_back();
    return workspace;
  }
  void give_back(std::unique_ptr<Workspace> workspace) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(workspace));
  }

  Definition definition;
  PreTokenizer pre_tokenizer;
  Bpe bpe;
  std::string fingerprint;
  AddedTokenMatcher added_in_original;
  AddedTokenMatcher added_in_normalised;
  std::vector<std::string> bytes;  // by id
  std::vector<bool> special;       // by id
  std::unordered_map<std::string, TokenId> ids;

  std::mutex mutex;
  std::vector<std::unique_ptr<Workspace>> idle;
};

Tokenizer::Tokenizer(Definition definition)
    : parts_(std::make_unique<Parts>(std::move(definition))) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

namespace {

/// Calls plain(text) and token(id) for the parts of `text` in order.
template <class Plain, class Token>
void split_added(const AddedTokenMatcher& matcher, std::string_view text, bool with_special,
                 Plain plain, Token token) {
  for (std::size_t from = 0; from < text.size();) {
    const AddedTokenMatcher::Match match = matcher.find(text, from, with_special);
    if (match.begin > from) plain(text.substr(from, match.begin - from));
    if (match.end > match.begin) token(match.id);
    from = match.end;
  }
}

}  // namespace

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool parse_special) const {
  std::string valid;
  if (!is_valid_utf8(text)) text = valid = replace_invalid_utf8(text);
  std::vector<TokenId> out;
  auto workspace = parts_->take_workspace();
  split_added(
      parts_->added_in_original, text, parse_special,
      [&](std::string_view part) { encode_plain(part, parse_special, *workspace, out); },
      [&](TokenId id) { out.push_back(id); });
  parts_->give_back(std::move(workspace));
  return out;
}

void Tokenizer::encode_plain(std::string_view text, bool parse_special, Workspace& workspace,
                             std::vector<TokenId>& out) const {
  const auto encode_words = [&](std::string_view part) {
    for (const std::string_view word : parts_->pre_tokenizer.split(part, workspace.words)) {
      const auto known = workspace.cache.find(word);
      if (!known.empty()) {
        out.insert(out.end(), known.begin(), known.end());
        continue;
      }
      const std::size_t before = out.size();
      parts_->bpe.encode(word, workspace.merging, out);
      workspace.cache.store(word, std::span(out).subspan(before));
    }
  };
  split_added(parts_->added_in_normalised,
              normalise(parts_->definition.normaliser, text, workspace.normalised), parse_special,
              encode_words, [&](TokenId id) { out.push_back(id); });
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string bytes;
  for (const TokenId id : ids)
    if (!skip_special || !is_special(id)) bytes += token_bytes(id);
  return is_valid_utf8(bytes) ? bytes : replace_invalid_utf8(bytes);
}

std::string_view Tokenizer::token_bytes(TokenId id) const {
  const auto index = static_cast<std::size_t>(id);
  return id >= 0 && index < parts_->bytes.size() ? std::string_view(parts_->bytes[index])
                                                 : std::string_view();
}

bool Tokenizer::is_special(TokenId id) const {
  const auto index = static_cast<std::size_t>(id);
  return id >= 0 && index < parts_->special.size() && parts_->special[index];
}

std::optional<TokenId> Tokenizer::token_id(std::string_view token) const {
  const auto found = parts_->ids.find(std::string(token));
  return found == parts_->ids.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t Tokenizer::vocab_size() const {
  return static_cast<std::int64_t>(parts_->bytes.size());
}
const std::string& Tokenizer::fingerprint() const {
  return parts_->fingerprint;
}
const Definition& Tokenizer::definition() const {
  return parts_->definition;
}

}  // namespace r1::tokenizer
