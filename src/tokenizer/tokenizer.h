#pragma once
// Byte-level BPE tokenizer: text to token ids and back, as Hugging Face's `tokenizers` does it.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// Thread-safe: any number of threads may encode and decode at once.
class Tokenizer {
 public:
  /// Throws: InputError naming the token, merge or pattern that is wrong.
  explicit Tokenizer(Definition definition);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Ids of a text; no bos is added. Bytes that are not UTF-8 are read as U+FFFD.
  /// `parse_special` = false: control tokens' names in the text ("<|im_end|>") are plain text, as
  /// is right for text that others wrote.
  std::vector<TokenId> encode(std::string_view text, bool parse_special = true) const;

  /// Valid UTF-8; parts that are none become U+FFFD. Ids without a token are left out.
  std::string decode(std::span<const TokenId> ids, bool skip_special = true) const;

  /// Bytes of one token, which need not be whole characters; empty for an id without a token.
  std::string_view token_bytes(TokenId id) const;
  bool is_special(TokenId id) const;
  /// By the file's spelling ("Ġthe", "<|im_end|>").
  std::optional<TokenId> token_id(std::string_view token) const;

  /// Largest id + 1. A model's embedding may have more rows.
  std::int64_t vocab_size() const;
  std::optional<TokenId> bos() const { return definition().bos_id; }
  std::optional<TokenId> pad() const { return definition().pad_id; }
  const std::vector<TokenId>& eos_token_ids() const { return definition().eos_ids; }

  /// 16 hex digits over tokens, merges, splitting and special tokens: equal for tokenizers that
  /// give equal ids, whichever file they came from.
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
