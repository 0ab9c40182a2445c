#include "config/evaluated_models.h"

namespace r1::config {

std::vector<EvaluatedModelOptions> evaluated_models(const Config& config) {
  if (!config.evaluate.models.empty()) return config.evaluate.models;
  EvaluatedModelOptions model;
  model.name = "model";
  model.path = config.model.path;
  return {model};
}

models::ModelOptions model_of(const Config& config, const EvaluatedModelOptions& evaluated) {
  auto model = config.model;
  if (config.evaluate.models.empty()) return model;
  model.path = evaluated.path;
  model.init = "load";
  return model;
}

data::DataOptions data_of(const Config& config, const EvaluatedModelOptions& evaluated) {
  auto data = config.data;
  if (evaluated.prompt_template != EvaluatedModelOptions::kAsData)
    data.prompt_template = evaluated.prompt_template;
  return data;
}

models::ModelOptions first_model(const Config& config, Stage stage) {
  if (stage != Stage::Evaluate) return config.model;
  return model_of(config, evaluated_models(config).front());
}

}  // namespace r1::config
