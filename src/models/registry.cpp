#include "models/registry.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/errors.h"
#include "models/deepseek_v3/deepseek_v3.h"
#include "models/llama/llama.h"
#include "models/qwen/qwen.h"

namespace r1::models {

const std::vector<Family>& families() {
  static const std::vector<Family> table{
      llama_family(),
      qwen2_family(),
      qwen3_family(),
      deepseek_v3_family(),
  };
  return table;
}

const Family& find_family(const std::string& name, const std::string& where) {
  const auto found = std::find_if(families().begin(), families().end(),
                                  [&](const Family& family) { return family.name == name; });
  if (found != families().end()) return *found;
  std::vector<std::string> names;
  for (const auto& family : families()) names.push_back(family.name);
  throw base::InputError(
      fmt::format("{} '{}' is not supported: expected {}", where, name, fmt::join(names, ", ")));
}

std::unique_ptr<Model> make_model(const ModelShape& shape, at::ScalarType dtype, at::Device device,
                                  const parallel::ModelAxes& axes) {
  return find_family(shape.architecture, "model family").make(shape, dtype, device, axes);
}

}  // namespace r1::models
