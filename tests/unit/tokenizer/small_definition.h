#pragma once
// A small but complete byte-level tokenizer for tests: 256 bytes, a few merges, ChatML tokens.
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/definition.h"

namespace r1::test {

/// Ids: 0..255 the bytes in order, then one per merge, then <|endoftext|>, <|im_start|>,
/// <|im_end|> (special), <think> and <think>! (not special).
inline tokenizer::Definition small_definition() {
  tokenizer::Definition definition;
  for (int byte = 0; byte < 256; ++byte)
    definition.vocab.push_back(tokenizer::byte_spelling(static_cast<unsigned char>(byte)));
  definition.merges = {{"l", "l"}, {"h", "e"}, {"ll", "o"}, {"Ġ", "w"}, {"he", "llo"}, {"Ã", "©"}};
  for (const auto& [left, right] : definition.merges) definition.vocab.push_back(left + right);
  auto id = static_cast<tokenizer::TokenId>(definition.vocab.size());
  for (const char* special : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"})
    definition.added_tokens.push_back({special, id++, true, false});
  for (const char* plain : {"<think>", "<think>!"})
    definition.added_tokens.push_back({plain, id++, false, false});
  definition.split_patterns = {tokenizer::kEachDigitPattern, tokenizer::kGpt2Pattern};
  definition.bos_id = definition.added_tokens[1].id;
  definition.eos_ids = {definition.added_tokens[2].id, definition.added_tokens[0].id};
  definition.pad_id = definition.added_tokens[0].id;
  definition.special_tokens = {
      {"bos_token", "<|im_start|>"}, {"eos_token", "<|im_end|>"}, {"pad_token", "<|endoftext|>"}};
  definition.chat_templates = {{"default", "{{ messages }}", ""}};
  definition.max_length = 128;
  return definition;
}

}  // namespace r1::test
