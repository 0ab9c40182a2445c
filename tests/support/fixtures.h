#pragma once
// Reads the model fixtures of tests/data/models: inputs, expected tensors, a model with the
// fixture's weights.
#include <ATen/core/Tensor.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "models/model.h"

namespace r1::test {

std::string data_path(const std::string& relative);
nlohmann::json read_json(const std::string& path);
/// All tensors of a safetensors file by name.
std::map<std::string, at::Tensor> read_tensors(const std::string& path);
/// The fixture's model; `config` = config.json or config_v4.json.
std::unique_ptr<models::Model> load_fixture(const std::string& name, at::ScalarType dtype,
                                            const std::string& config = "config.json");
/// One packed batch of plain sequences. Positions may be empty: 0, 1, 2, …
models::ModelInput packed_input(const std::vector<std::vector<std::int64_t>>& sequences,
                                const std::vector<std::vector<std::int64_t>>& positions,
                                at::ScalarType dtype);
/// max |a - b|
double max_difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace r1::test
