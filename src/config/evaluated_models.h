#pragma once
// The models that the evaluate stage compares, each as a [model] table with its own prompts.
#include <vector>

#include "config/config.h"
#include "config/stage.h"

namespace r1::config {

/// [[evaluate.models]]; without any, [model] under the name "model".
std::vector<EvaluatedModelOptions> evaluated_models(const Config& config);

/// [model] with the folder of `evaluated`: the folder's weights, tokenizer and chat template, where
/// [model] names no other tokenizer or chat template.
models::ModelOptions model_of(const Config& config, const EvaluatedModelOptions& evaluated);

/// [data] with the prompt template by which questions are put to `evaluated`.
data::DataOptions data_of(const Config& config, const EvaluatedModelOptions& evaluated);

/// The model whose tokenizer a stage begins with: [model], or in an evaluation the first of the
/// evaluated models.
models::ModelOptions first_model(const Config& config, Stage stage);

}  // namespace r1::config
