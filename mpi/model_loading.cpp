#include "model_loading.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/formats/gguf_tokenizer.h"
#include "checkpoint_model.h"
#include "models/classifier.h"
#include "models/decoder_classifier.h"
#include "models/hf_config.h"
#include "models/registry.h"
#include "models/weight_shards.h"
#include "tensor/dtype.h"
#include "tokenizer/byte_definition.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer_files.h"
#include "tokenizer/tokenizer_json.h"

namespace r1::mpi {
namespace {

tokenizer::Definition read_definition(const models::ModelOptions& options) {
  const std::string path = options.tokenizer.empty() ? options.path : options.tokenizer;
  if (path == "bytes") return tokenizer::byte_definition();
  if (path.empty())
    throw base::ConfigError("model.tokenizer: expected a folder, a GGUF file or \"bytes\"");
  if (std::filesystem::is_regular_file(path) && path.ends_with(".gguf"))
    return checkpoint::read_gguf_tokenizer(checkpoint::GgufFile(path));
  if (is_checkpoint(path)) return tokenizer::read_tokenizer_json(DescriptionFolder(path).path());
  return tokenizer::read_tokenizer_json(path);
}

models::ModelFiles open_files(const std::string& path) {
  return is_checkpoint(path) ? open_checkpoint_model(path) : models::open_model(path);
}

}  // namespace

models::ModelShape model_shape(const models::ModelOptions& options) {
  return options.init == "random" && !options.shape.empty() ? options.shape
                                                            : open_files(options.path).shape;
}

std::unique_ptr<models::Model> load_model(const models::ModelOptions& options, at::ScalarType dtype,
                                          at::Device device, std::uint64_t seed,
                                          const parallel::ModelAxes& axes) {
  if (options.init == "random") {
    auto model = models::make_model(model_shape(options), dtype, device, axes);
    models::randomize(*model, seed);
    return model;
  }
  const auto files = open_files(options.path);
  auto model = models::make_model(files.shape, dtype, device, axes);
  models::load_weights(*model, *files.weights);
  return model;
}

bool has_wider_masters(const models::ModelOptions& options, at::ScalarType dtype) {
  return c10::elementSize(tensor::parse_dtype(options.master_dtype)) > c10::elementSize(dtype);
}

std::unique_ptr<models::Model> load_trained_model(const models::ModelOptions& options,
                                                  at::ScalarType dtype, at::Device device,
                                                  std::uint64_t seed,
                                                  const parallel::ModelAxes& axes,
                                                  bool shares_out) {
  if (shares_out) {
    const models::ModelsWithoutMemory without_memory;
    return models::make_model(model_shape(options), dtype, device, axes);
  }
  return has_wider_masters(options, dtype)
             ? models::make_model(model_shape(options), dtype, device, axes)
             : load_model(options, dtype, device, seed, axes);
}

std::unique_ptr<models::Model> load_frozen_model(
    const models::ModelOptions& options, at::ScalarType dtype, at::Device device,
    std::uint64_t seed, const parallel::ModelAxes& axes,
    const std::optional<models::WeightCopies>& copies) {
  if (!copies || copies->all->size() == 1) return load_model(options, dtype, device, seed, axes);
  auto model = load_trained_model(options, dtype, device, seed, axes, /*shares_out=*/true);
  model->share_out_weights(*copies);
  for_each_first_weight(options, *model, dtype, seed, [&](std::size_t i, const at::Tensor& values) {
    model->weight_shards()->set(i, values);
  });
  return model;
}

void for_each_first_weight(const models::ModelOptions& options, const models::Model& model,
                           at::ScalarType dtype, std::uint64_t seed,
                           const models::TakeParameter& take) {
  if (options.init != "random") {
    const auto files = open_files(options.path);
    return models::load_weights(model.parameters(), files.shape, *files.weights, dtype, take);
  }
  for (std::size_t i = 0; i < model.parameters().size(); ++i) {
    auto parameter = model.parameters()[i];
    parameter.value = at::empty(parameter.value.sizes(), dtype);
    models::randomize(parameter, seed);
    take(i, parameter.value);
  }
}

TextModel load_text_model(const models::ModelOptions& options, std::int64_t model_vocab_size) {
  auto definition = read_definition(options);
  const auto& path = options.tokenizer.empty() ? options.path : options.tokenizer;
  if (const auto& name = options.chat_template; !name.empty() && name != "auto") {
    auto chosen = tokenizer::choose_chat_template(name, definition);
    chosen.name = "default";
    definition.chat_templates = {std::move(chosen)};
  }
  auto text = std::make_shared<tokenizer::Tokenizer>(std::move(definition));
  if (text->vocab_size() > model_vocab_size)
    throw base::InputError(
        fmt::format("tokenizer '{}' does not belong to the model: it has ids up to {}, the model's "
                    "embedding has {} rows",
                    path, text->vocab_size() - 1, model_vocab_size));
  for (const auto end : text->eos_token_ids())
    if (end < 0 || end >= model_vocab_size)
      throw base::InputError(
          fmt::format("tokenizer '{}': the end token has id {} (eos_token_id), the model's "
                      "embedding has {} rows",
                      path, end, model_vocab_size));
  return {text};
}

std::string hugging_face_dtype(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? "bfloat16" : dtype == at::kDouble ? "float64" : "float32";
}

void write_model_description(const models::ModelShape& shape, at::ScalarType dtype,
                             const tokenizer::Tokenizer* tokenizer,
                             const std::vector<std::int64_t>& eos, const std::string& folder) {
  base::make_folders(folder);
  base::write_file_atomically(
      folder + "/config.json",
      models::config_from_shape(shape, eos, hugging_face_dtype(dtype)).dump(2));
  nlohmann::json generation = nlohmann::json::object();
  if (!eos.empty()) generation["eos_token_id"] = eos;
  base::write_file_atomically(folder + "/generation_config.json", generation.dump(2));
  if (tokenizer != nullptr) tokenizer::write_tokenizer_files(tokenizer->definition(), folder);
}

void write_reward_model_description(const models::ModelShape& shape, at::ScalarType dtype,
                                    const tokenizer::Tokenizer& tokenizer,
                                    const std::vector<std::int64_t>& eos,
                                    const std::string& folder) {
  base::make_folders(folder);
  auto config = models::config_from_shape(shape, eos, hugging_face_dtype(dtype));
  config["architectures"] = {models::classifier_architecture(shape)};
  config["id2label"] = {{"0", "LABEL_0"}};
  config["label2id"] = {{"LABEL_0", 0}};
  base::write_file_atomically(folder + "/config.json", config.dump(2));
  tokenizer::write_tokenizer_files(tokenizer.definition(), folder);
}

}  // namespace r1::mpi
