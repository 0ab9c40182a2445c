#include "support/fixtures.h"

#include <ATen/ATen.h>

#include "base/files.h"
#include "checkpoint/formats/safetensors.h"
#include "models/hf_config.h"
#include "models/registry.h"
#include "models/weights.h"
#include "support/shared_files.h"

namespace r1::test {

std::string data_path(const std::string& relative) {
  return std::string(R1_SOURCE_DIR) + "/tests/data/" + relative;
}

nlohmann::json read_json(const std::string& path) {
  return nlohmann::json::parse(base::read_file(path));
}

std::map<std::string, at::Tensor> read_tensors(const std::string& path) {
  const checkpoint::SafetensorsFile file(path);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : file.tensors()) {
    auto values = at::empty(tensor.shape, tensor.dtype == "I64"   ? at::kLong
                                          : tensor.dtype == "F64" ? at::kDouble
                                                                  : at::kFloat);
    std::copy(tensor.data.begin(), tensor.data.end(),
              static_cast<std::byte*>(values.mutable_data_ptr()));
    tensors[name] = values;
  }
  return tensors;
}

std::optional<std::string> fixture_folder(const std::string& name, bool shared) {
  return shared ? find_shared("fixtures/models/" + name) : existing(data_path("models/" + name));
}

std::unique_ptr<models::Model> load_fixture_folder(const std::string& folder, at::ScalarType dtype,
                                                   const std::string& config,
                                                   std::int64_t num_layers) {
  const auto file = folder + "/" + config;
  auto shape = models::shape_from_config(read_json(file), file);
  if (num_layers > 0) shape.num_hidden_layers = num_layers;
  auto model = models::make_model(shape, dtype, at::kCPU);
  models::load_weights(*model, *models::open_model(folder).weights);
  return model;
}

std::unique_ptr<models::Model> load_fixture(const std::string& name, at::ScalarType dtype,
                                            const std::string& config) {
  return load_fixture_folder(data_path("models/" + name), dtype, config);
}

FixtureSequences read_sequences(const std::string& folder) {
  FixtureSequences out;
  const auto inputs = read_json(folder + "/inputs.json");
  for (const auto& s : inputs.at("sequences")) {
    const auto length = s["length"].get<std::size_t>();
    auto tokens = s["input_ids"].get<std::vector<std::int64_t>>();
    auto positions = s["position_ids"].get<std::vector<std::int64_t>>();
    tokens.resize(length);
    positions.resize(length);
    out.tokens.push_back(tokens);
    out.positions.push_back(positions);
  }
  return out;
}

models::ModelInput packed_input(const std::vector<std::vector<std::int64_t>>& sequences,
                                const std::vector<std::vector<std::int64_t>>& positions,
                                at::ScalarType dtype) {
  std::vector<std::int64_t> tokens, places;
  std::vector<nn::Segment> segments;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    segments.push_back({static_cast<std::int64_t>(tokens.size()),
                        static_cast<std::int64_t>(sequences[s].size()), -1});
    for (std::size_t i = 0; i < sequences[s].size(); ++i) {
      tokens.push_back(sequences[s][i]);
      places.push_back(positions.empty() ? static_cast<std::int64_t>(i) : positions[s][i]);
    }
  }
  return {at::tensor(tokens, at::kLong),
          at::tensor(places, at::kLong),
          {nn::make_packed_attention(segments, dtype, at::kCPU), nullptr, {}}};
}

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

}  // namespace r1::test
