#pragma once
// Families by name. Adding one: its folder, and one line in family_list.h.
#include <memory>
#include <vector>

#include "models/family.h"

namespace r1::models {

const std::vector<Family>& families();

/// `where` (a file and key) is named in the error. Throws: InputError for a family this program
/// does not run.
const Family& find_family(const std::string& name, const std::string& where);

/// A model of that shape with unfilled weights; with `axes`, this rank's part of it. Throws:
/// InputError for a family this program does not run, ConfigError for a shape that cannot be split
/// so.
std::unique_ptr<Model> make_model(const ModelShape& shape, at::ScalarType dtype, at::Device device,
                                  const parallel::ModelAxes& axes = {});

}  // namespace r1::models
