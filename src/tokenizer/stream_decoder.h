#pragma once
// Turns tokens into text as they come, without ever giving out half a character.
#include <string>

#include "tokenizer/tokenizer.h"

namespace r1::tokenizer {

/// One stream. All that push() and finish() return, joined, equals decode() of all ids.
/// The tokenizer must outlive it.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true)
      : tokenizer_(&tokenizer), skip_special_(skip_special) {}

  /// The characters that are complete after this token; bytes of an unfinished one wait.
  std::string push(TokenId id);
  /// What still waits, as U+FFFD. The decoder can be used for a new stream afterwards.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::string pending_;
};

}  // namespace r1::tokenizer
