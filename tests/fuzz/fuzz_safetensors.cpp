// Fuzz target: any bytes are a safetensors file whose tensors can be read whole, or an InputError.
#include <numeric>

#include "base/errors.h"
#include "checkpoint/formats/safetensors.h"
#include "fuzz/input_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const r1::fuzz::InputFile input("model.safetensors");
  input.write(data, size);
  try {
    const r1::checkpoint::SafetensorsFile file(input.path());
    std::uint64_t sum = 0;
    for (const auto& [name, tensor] : file.tensors()) {
      sum += static_cast<std::uint64_t>(tensor.num_elements());
      for (const std::byte value : tensor.data) sum += std::to_integer<std::uint64_t>(value);
    }
    static volatile std::uint64_t sink;
    sink = sum;
  } catch (const r1::base::InputError&) {
  }
  return 0;
}
