#pragma once
// Model families by name. A new family needs a folder and one line in family_list.h.
#include <memory>
#include <vector>

#include "models/family.h"

namespace r1::models {

const std::vector<Family>& families();

/// Errors name `where` (a file and key). Throws: InputError for an unsupported family.
const Family& find_family(const std::string& name, const std::string& where);

/// Makes a model of this shape without loaded weights; with `axes`, this rank's part of the model.
/// Throws: InputError for an unsupported family, ConfigError for a shape that cannot be split over
/// `axes`.
std::unique_ptr<Model> make_model(const ModelShape& shape, at::ScalarType dtype, at::Device device,
                                  const parallel::ModelAxes& axes = {});

}  // namespace r1::models
