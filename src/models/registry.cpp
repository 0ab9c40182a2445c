#include "models/registry.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/errors.h"
#include "models/family_list.h"

namespace r1::models {

#define R1_DECLARE_FAMILY(name, ...) Family name##_family();
R1_MODEL_FAMILIES(R1_DECLARE_FAMILY)
#undef R1_DECLARE_FAMILY

const std::vector<Family>& families() {
#define R1_MAKE_FAMILY(name, ...) name##_family(),
  static const std::vector<Family> table{R1_MODEL_FAMILIES(R1_MAKE_FAMILY)};
#undef R1_MAKE_FAMILY
  return table;
}

const Family& find_family(const std::string& name, const std::string& where) {
  const auto found = std::find_if(families().begin(), families().end(),
                                  [&](const Family& family) { return family.name == name; });
  if (found != families().end()) return *found;
  throw base::InputError(fmt::format("{} '{}' is not supported: expected {}", where, name,
                                     fmt::join(family_names(), ", ")));
}

std::unique_ptr<Model> make_model(const ModelShape& shape, at::ScalarType dtype, at::Device device,
                                  const parallel::ModelAxes& axes) {
  return find_family(shape.architecture, "model family").make(shape, dtype, device, axes);
}

}  // namespace r1::models
