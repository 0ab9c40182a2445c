#include "tokenizer/byte_definition.h"

#include "tokenizer/byte_alphabet.h"

namespace r1::tokenizer {

Definition byte_definition() {
  Definition definition;
  for (int byte = 0; byte < 256; ++byte)
    definition.vocab.push_back(byte_spelling(static_cast<unsigned char>(byte)));
  for (const char* control : {"<|im_start|>", "<|im_end|>", "<|endoftext|>"}) {
    definition.added_tokens.push_back(
        {control, static_cast<TokenId>(definition.vocab.size()), true, false});
    definition.vocab.push_back(control);
  }
  definition.eos_ids = {257};
  definition.pad_id = 258;
  definition.special_tokens = {{"eos_token", "<|im_end|>"}, {"pad_token", "<|endoftext|>"}};
  return definition;
}

}  // namespace r1::tokenizer
