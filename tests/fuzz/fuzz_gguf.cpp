// Fuzz target: any bytes are a GGUF file whose tensors and tokenizer can be read, or an InputError.
#include "base/errors.h"
#include "checkpoint/formats/gguf.h"
#include "checkpoint/formats/gguf_tokenizer.h"
#include "fuzz/input_file.h"
#include "tokenizer/tokenizer.h"

namespace {

void read_tensors(const r1::checkpoint::GgufFile& file) {
  for (const auto& tensor : file.tensors()) {
    try {
      std::vector<float> values(static_cast<std::size_t>(tensor.num_elements()));
      file.dequantise(tensor, values);
    } catch (const r1::base::InputError&) {  // a type that is not read
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const r1::fuzz::InputFile input("model.gguf");
  input.write(data, size);
  try {
    const r1::checkpoint::GgufFile file(input.path());
    read_tensors(file);
    const r1::tokenizer::Tokenizer tokenizer(r1::checkpoint::read_gguf_tokenizer(file));
    tokenizer.decode(tokenizer.encode("It's 12 o'clock: 안녕 \xF0\x9F\x98\x80\n"));
  } catch (const r1::base::InputError&) {
  }
  return 0;
}
