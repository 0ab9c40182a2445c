#pragma once
// Families by name. Adding one: its folder, and one line in registry.cpp.
#include <memory>

#include "models/model.h"

namespace r1::models {

/// A model of that shape with unfilled weights. Throws: InputError for a family this program does
/// not run.
std::unique_ptr<Model> make_model(const ModelShape& shape, at::ScalarType dtype, at::Device device);

}  // namespace r1::models
