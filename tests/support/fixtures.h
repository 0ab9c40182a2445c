#pragma once
// Reads the model fixtures of tests/data/models: inputs, expected tensors, a model with the
// fixture's weights.
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "models/model.h"

namespace r1::test {

std::string data_path(const std::string& relative);
nlohmann::json read_json(const std::string& path);
/// All tensors of a safetensors file by name.
std::map<std::string, at::Tensor> read_tensors(const std::string& path);
/// Folder of a model fixture: of tests/data, or with `shared` of the complete set beside the
/// project (env R1_SHARED, or ../shared). None: not there.
std::optional<std::string> fixture_folder(const std::string& name, bool shared = false);
/// The model of a fixture's folder; `config` = config.json or config_v4.json. `num_layers` > 0: its
/// first layers alone.
std::unique_ptr<models::Model> load_fixture_folder(const std::string& folder, at::ScalarType dtype,
                                                   const std::string& config = "config.json",
                                                   std::int64_t num_layers = 0);
/// The model of a fixture of tests/data.
std::unique_ptr<models::Model> load_fixture(const std::string& name, at::ScalarType dtype,
                                            const std::string& config = "config.json");
/// Token ids and positions of a fixture's sequences, without padding.
struct FixtureSequences {
  std::vector<std::vector<std::int64_t>> tokens, positions;
};
FixtureSequences read_sequences(const std::string& folder);
/// One packed batch of plain sequences. Positions may be empty: 0, 1, 2, …
models::ModelInput packed_input(const std::vector<std::vector<std::int64_t>>& sequences,
                                const std::vector<std::vector<std::int64_t>>& positions,
                                at::ScalarType dtype);
/// max |a - b|
double max_difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace r1::test
