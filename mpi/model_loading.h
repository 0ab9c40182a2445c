#pragma once
// Loads a model with weights and tokenizer from [model] options.
#include <memory>
#include <optional>
#include <string>

#include "data/types.h"
#include "models/model.h"
#include "models/weights.h"
#include "tokenizer/tokenizer.h"

namespace r1::mpi {

/// Loads (or randomizes) a model; with `axes`, this rank's part of the model. `dtype` must not be
/// "auto". Throws: InputError, ConfigError.
std::unique_ptr<models::Model> load_model(const models::ModelOptions& options, at::ScalarType dtype,
                                          at::Device device, std::uint64_t seed,
                                          const parallel::ModelAxes& axes = {});

/// Whether the master weights of `options` are wider than weights of `dtype`.
bool has_wider_masters(const models::ModelOptions& options, at::ScalarType dtype);

/// Loads the model of a trainer. If wider master weights will be loaded and rounded into the model
/// (load_masters), the model stays without weights, so that the files are read once. `shares_out`:
/// the trainer will share out the weights, and load_masters() sets them: the model has no memory
/// for them. Throws: as load_model.
std::unique_ptr<models::Model> load_trained_model(const models::ModelOptions& options,
                                                  at::ScalarType dtype, at::Device device,
                                                  std::uint64_t seed,
                                                  const parallel::ModelAxes& axes, bool shares_out);

/// Loads a model that is not trained. With `copies` its weights are shared out over them
/// (models/weight_shards.h): besides this rank's shards, one parameter is in memory at a time.
/// Throws: as load_model.
std::unique_ptr<models::Model> load_frozen_model(const models::ModelOptions& options,
                                                 at::ScalarType dtype, at::Device device,
                                                 std::uint64_t seed,
                                                 const parallel::ModelAxes& axes,
                                                 const std::optional<models::WeightCopies>& copies);

/// Calls `take` for one parameter after another with the initial weights of `options`, on the CPU.
/// Each parameter has the shape of the parameter of `model`, this rank's part. Throws: as
/// load_model.
void for_each_first_weight(const models::ModelOptions& options, const models::Model& model,
                           at::ScalarType dtype, std::uint64_t seed,
                           const models::TakeParameter& take);

/// A tokenizer. The default chat template of its definition is the template that [model]
/// chat_template names, so that the folder of a trained model contains the template of the
/// training.
struct TextModel {
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer;

  std::vector<data::TokenId> encode(std::string_view text) const { return tokenizer->encode(text); }
  std::string decode(std::span<const data::TokenId> ids) const { return tokenizer->decode(ids); }
};

/// Throws: InputError, also if the model's embedding has no row for an id of the tokenizer or for
/// an end token.
TextModel load_text_model(const models::ModelOptions& options, std::int64_t model_vocab_size);

/// The shape of the model: from the files, or from the options of a random model.
models::ModelShape model_shape(const models::ModelOptions& options);

/// The name of a dtype in config.json: "bfloat16".
std::string hugging_face_dtype(at::ScalarType dtype);

/// Writes the files of a Hugging Face folder except the weights: config.json,
/// generation_config.json and, unless `tokenizer` is null, the tokenizer files. `dtype`: of the
/// weights. `eos`: ids that end a completion.
void write_model_description(const models::ModelShape& shape, at::ScalarType dtype,
                             const tokenizer::Tokenizer* tokenizer,
                             const std::vector<std::int64_t>& eos, const std::string& folder);

/// The same of a classifier with one output, which Hugging Face and models::load_classifier can
/// load.
void write_reward_model_description(const models::ModelShape& shape, at::ScalarType dtype,
                                    const tokenizer::Tokenizer& tokenizer,
                                    const std::vector<std::int64_t>& eos,
                                    const std::string& folder);

}  // namespace r1::mpi
