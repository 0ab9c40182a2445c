#include "models/registry.h"

#include <functional>
#include <map>

#include "base/errors.h"
#include "models/llama/llama.h"

namespace r1::models {
namespace {

using Factory =
    std::function<std::unique_ptr<Model>(const ModelShape&, at::ScalarType, at::Device)>;

template <class Family>
std::unique_ptr<Model> make(const ModelShape& shape, at::ScalarType dtype, at::Device device) {
  return std::make_unique<Family>(shape, dtype, device);
}

const std::map<std::string, Factory>& families() {
  static const std::map<std::string, Factory> table{{"llama", make<LlamaModel>}};
  return table;
}

}  // namespace

std::unique_ptr<Model> make_model(const ModelShape& shape, at::ScalarType dtype,
                                  at::Device device) {
  const auto found = families().find(shape.architecture);
  if (found == families().end())
    throw base::InputError(fmt::format("model family '{}' is not supported", shape.architecture));
  return found->second(shape, dtype, device);
}

}  // namespace r1::models
