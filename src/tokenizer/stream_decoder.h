#pragma once
// Decodes tokens to text incrementally; the output never ends inside a character.
#include <string>

#include "tokenizer/tokenizer.h"

namespace r1::tokenizer {

/// Decodes one stream. The concatenated results of push() and finish() equal decode() of all ids.
/// The tokenizer must outlive this object.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  /// Returns the characters that this token completes; the bytes of an incomplete character are
  /// kept.
  std::string push(TokenId id);
  /// Returns the incomplete rest as U+FFFD. Afterwards the decoder can decode a new stream.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::string pending_;
};

}  // namespace r1::tokenizer
