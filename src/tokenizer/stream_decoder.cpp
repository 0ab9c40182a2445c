#include "tokenizer/stream_decoder.h"

#include <utility>

#include "tokenizer/utf8.h"

namespace r1::tokenizer {

std::string StreamDecoder::push(TokenId id) {
  if (!skip_special_ || !tokenizer_->is_special(id)) pending_ += tokenizer_->token_bytes(id);
  std::size_t done = 0;
  while (done < pending_.size()) {
    const Utf8Character next = next_character(std::string_view(pending_).substr(done));
    if (next.status == Utf8Status::Truncated) break;
    done += next.length;
  }
  std::string text = replace_invalid_utf8(std::string_view(pending_).substr(0, done));
  pending_.erase(0, done);
  return text;
}

std::string StreamDecoder::finish() {
  return replace_invalid_utf8(std::exchange(pending_, {}));
}

}  // namespace r1::tokenizer
