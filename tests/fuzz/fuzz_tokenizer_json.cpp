// Fuzz target: any bytes are a tokenizer.json that encodes and decodes, or an InputError.
#include "base/errors.h"
#include "fuzz/input_file.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const r1::fuzz::InputFile input("tokenizer.json");
  input.write(data, size);
  try {
    const r1::tokenizer::Tokenizer tokenizer(r1::tokenizer::read_tokenizer_json(input.folder()));
    for (const bool parse_special : {true, false})
      tokenizer.decode(tokenizer.encode("It's 12 o'clock: 안녕 \xF0\x9F\x98\x80\n\xFF<|im_end|>",
                                        parse_special));
  } catch (const r1::base::InputError&) {
  }
  return 0;
}
