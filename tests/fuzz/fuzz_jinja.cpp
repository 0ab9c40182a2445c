// Fuzz target: any bytes are a chat template that renders within its limits, or an InputError.
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto variables = nlohmann::ordered_json::parse(R"({
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "caf\u00e9"},
                 {"role": "assistant", "content": "<think>\na\n</think>\n\nb",
                  "tool_calls": [{"function": {"name": "f", "arguments": {"x": [1, 2.5, null]}}}]},
                 {"role": "tool", "content": "1"}, {"role": "user", "content": "q"}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "documents": null, "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true})");
  constexpr r1::jinja::Limits limits{200'000, std::size_t{1} << 16, 10'000, 100'000};
  try {
    const r1::jinja::Template chat(std::string_view(reinterpret_cast<const char*>(data), size),
                                   "fuzzed");
    const auto rendering = chat.render(variables, std::tm{}, limits);
    if (rendering.text.size() > limits.text_bytes) __builtin_trap();
    for (const auto& [begin, end] : rendering.generations)
      if (begin > end) __builtin_trap();
  } catch (const r1::base::InputError&) {
  }
  return 0;
}
