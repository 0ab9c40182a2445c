#pragma once
// Byte-level BPE tokenizer: text to token ids and back, equivalent to Hugging Face's `tokenizers`.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// Thread-safe: any number of threads may encode and decode concurrently.
class Tokenizer {
 public:
  /// Throws: InputError naming the wrong token, merge or pattern.
  explicit Tokenizer(Definition definition);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Returns the ids of a text, without bos. Bytes that are not valid UTF-8 are read as U+FFFD.
  /// `parse_special` = false: names of control tokens in the text ("<|im_end|>") are plain text, as
  /// untrusted text requires.
  std::vector<TokenId> encode(std::string_view text, bool parse_special = true) const;

  /// Returns valid UTF-8; invalid parts become U+FFFD. Ids without a token are skipped.
  std::string decode(std::span<const TokenId> ids, bool skip_special = true) const;

  /// The bytes of one token, which may be a part of a character; empty for an id without a token.
  std::string_view token_bytes(TokenId id) const;
  bool is_special(TokenId id) const;
  /// Looks up a token by its spelling in the file ("Ġthe", "<|im_end|>").
  std::optional<TokenId> token_id(std::string_view token) const;

  /// Largest id + 1. The embedding of a model may have more rows.
  std::int64_t vocab_size() const;
  std::optional<TokenId> bos() const { return definition().bos_id; }
  std::optional<TokenId> pad() const { return definition().pad_id; }
  const std::vector<TokenId>& eos_token_ids() const { return definition().eos_ids; }

  /// 16 hex digits over tokens, merges, split patterns, normaliser and added tokens: equal for
  /// tokenizers that produce equal ids, for all file formats.
  const std::string& fingerprint() const;
  const Definition& definition() const;

 private:
  struct Parts;
  struct Workspace;
  void encode_plain(std::string_view text, bool parse_special, Workspace& workspace,
                    std::vector<TokenId>& out) const;

  std::unique_ptr<Parts> parts_;
};

}  // namespace r1::tokenizer
