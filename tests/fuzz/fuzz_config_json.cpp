// Fuzz target: any bytes are a config.json of a model whose size can be told, or an InputError.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/json.h"
#include "models/hf_config.h"
#include "models/model_size.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string file = "config.json";
  try {
    const auto json =
        r1::base::parse_json(std::string(reinterpret_cast<const char*>(data), size), file);
    const auto shape = r1::models::shape_from_config(json, file);
    const double sizes[] = {r1::models::count_parameters(shape).total(),
                            r1::models::active_parameters(shape),
                            r1::models::forward_flops_per_token(shape, 1024.0),
                            r1::models::kv_bytes_per_token(shape, 2.0)};
    for (const double value : sizes)
      if (!(value >= 0.0 && std::isfinite(value))) __builtin_trap();
    // What we write of it we read as the same model.
    const auto again = r1::models::config_from_shape(shape, {2}, "float32");
    if (r1::models::config_from_shape(r1::models::shape_from_config(again, file), {2}, "float32") !=
        again)
      __builtin_trap();
  } catch (const r1::base::InputError&) {
  }
  return 0;
}
