// Fuzz target: any bytes are a configuration that prints and reads again as itself, or a
// ConfigError. The first byte chooses the command, the last line an override.
#include <array>

#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "config/load.h"
#include "config/print.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<std::string, 5> commands{"rl", "pipeline", "sft", "plan", "evaluate"};
  if (size == 0) return 0;
  r1::config::LoadRequest request;
  request.command = commands[data[0] % commands.size()];
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto last = text.rfind('\n');
  if (last != std::string::npos) request.overrides.push_back(text.substr(last + 1));
  try {
    const auto loaded = r1::config::load_config_text(text.substr(0, last), "fuzzed.toml", request);
    r1::config::config_json(loaded.config).dump();
    for (const auto& stage : loaded.stages) r1::config::config_json(stage).dump();
  } catch (const r1::base::ConfigError&) {
  } catch (const r1::base::InputError&) {  // an included file
  }
  return 0;
}
