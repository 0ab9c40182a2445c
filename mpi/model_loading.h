#pragma once
// From [model] options to a model with weights and its tokenizer.
#include <memory>
#include <string>

#include "data/types.h"
#include "models/model.h"
#include "models/weights.h"
#include "tokenizer/tokenizer.h"

namespace r1::mpi {

/// Loads (or randomizes) a model, with `axes` this rank's part of it. `dtype`: resolved, "auto" is
/// not accepted here. Throws: InputError, ConfigError.
std::unique_ptr<models::Model> load_model(const models::ModelOptions& options, at::ScalarType dtype,
                                          at::Device device, std::uint64_t seed,
                                          const parallel::ModelAxes& axes = {});

/// Whether master weights of `options` hold more than weights of `dtype`.
bool has_wider_masters(const models::ModelOptions& options, at::ScalarType dtype);

/// The model of a trainer: loaded, or left without weights where wider master weights are loaded
/// instead and rounded into it (load_masters), so that files are read once. Throws as load_model.
std::unique_ptr<models::Model> load_trained_model(const models::ModelOptions& options,
                                                  at::ScalarType dtype, at::Device device,
                                                  std::uint64_t seed,
                                                  const parallel::ModelAxes& axes);

/// The weights that a model of `options` starts from, one parameter of `model` (all of which have
/// its shape and this rank's part of it) after the other, on the CPU. Throws as load_model.
void for_each_first_weight(const models::ModelOptions& options, const models::Model& model,
                           at::ScalarType dtype, std::uint64_t seed,
                           const models::TakeParameter& take);

/// A tokenizer; the default chat template of its definition is the one that [model] chat_template
/// names, so that a trained model's folder says what it was trained with.
struct TextModel {
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer;

  std::vector<data::TokenId> encode(std::string_view text) const { return tokenizer->encode(text); }
  std::string decode(std::span<const data::TokenId> ids) const { return tokenizer->decode(ids); }
};

/// Throws: InputError; also when the model's embedding has no row for an id of the tokenizer or for
/// an end token.
TextModel load_text_model(const models::ModelOptions& options, std::int64_t model_vocab_size);

/// The model's shape: of its files, or as given for a random one.
models::ModelShape model_shape(const models::ModelOptions& options);

/// A dtype as config.json says it: "bfloat16".
std::string hugging_face_dtype(at::ScalarType dtype);

/// The files of a Hugging Face folder besides the weights: config.json, generation_config.json and,
/// unless `tokenizer` is null, the tokenizer's. `eos`: ids that end a completion.
void write_model_description(const models::Model& model, const tokenizer::Tokenizer* tokenizer,
                             const std::vector<std::int64_t>& eos, const std::string& folder);

/// Writes a folder that Hugging Face loads: the description and the weights.
void write_model_folder(const models::Model& model, const tokenizer::Tokenizer& tokenizer,
                        const std::string& folder);

}  // namespace r1::mpi
