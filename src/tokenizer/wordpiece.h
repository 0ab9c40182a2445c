#pragma once
// WordPiece tokenizer of BERT: text to token ids, equivalent to Hugging Face's `tokenizers`.
// Reference: Devlin et al., arXiv 1810.04805; Hugging Face `tokenizers` 0.23 models/wordpiece,
// normalizers/bert.rs, pre_tokenizers/bert.rs; files as transformers 4 and 5 write them.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/definition.h"

namespace r1::tokenizer {

/// The definition of a WordPiece tokenizer, independent of the file format.
struct WordPieceDefinition {
  std::vector<std::string> vocab;        // by id; empty: the id is unused
  std::vector<AddedToken> added_tokens;  // matched in the text before the text is split
  std::string continuation = "##";       // prefix of pieces inside a word
  std::string unknown = "[UNK]";
  std::string cls = "[CLS]";
  std::string sep = "[SEP]";
  std::int64_t max_word_characters = 100;  // longer words are unknown
  bool clean_text = true;                  // removes control characters
  bool split_cjk = true;                   // each Chinese character is a word
  bool strip_accents = true;
  bool lower_case = true;
};

/// Whether the tokenizer of a Hugging Face folder is WordPiece: tokenizer.json says so, or the
/// folder has only vocab.txt. Throws: InputError if tokenizer.json is not valid JSON.
bool is_wordpiece_folder(const std::string& folder);
/// Reads tokenizer.json, or vocab.txt with tokenizer_config.json. Throws: InputError naming the
/// file and the wrong or unsupported entry.
WordPieceDefinition read_wordpiece(const std::string& folder);

/// Thread-safe.
class WordPieceTokenizer {
 public:
  /// Throws: InputError naming a special token that is not in the vocabulary.
  explicit WordPieceTokenizer(WordPieceDefinition definition);

  /// Returns the ids of the text, without [CLS] and [SEP]. Bytes that are not valid UTF-8 are
  /// dropped. `parse_special` = false: "[SEP]" in the text is plain text, as untrusted text
  /// requires.
  std::vector<TokenId> encode(std::string_view text, bool parse_special = true) const;
  /// Returns [CLS] ids [SEP], with at most the first `max_length` - 2 ids of the text (0: no
  /// limit).
  std::vector<TokenId> encode_sequence(std::string_view text, std::int64_t max_length,
                                       bool parse_special = true) const;

  TokenId cls() const { return cls_; }
  TokenId sep() const { return sep_; }
  /// Largest id + 1.
  std::int64_t vocab_size() const { return vocab_size_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  using Pieces = std::unordered_map<std::string, TokenId, Hash, std::equal_to<>>;

  TokenId special_id(const std::string& token) const;
  void encode_plain(std::string_view text, std::vector<TokenId>& out) const;
  void encode_word(std::string_view word, std::vector<TokenId>& out) const;

  WordPieceDefinition definition_;
  Pieces first_;    // pieces that begin a word
  Pieces further_;  // pieces inside a word, without "##"
  AddedTokenMatcher added_;
  TokenId unknown_ = 0, cls_ = 0, sep_ = 0;
  std::int64_t vocab_size_ = 0;
};

}  // namespace r1::tokenizer
