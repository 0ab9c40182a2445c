#pragma once
// What the tests of training share: a toy model with its trainer as one rank has them, samples and
// rollouts of it. Ranks are threads.
#include <ATen/ATen.h>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "metrics/step_metrics.h"
#include "models/registry.h"
#include "models/weight_shards.h"
#include "support/fixtures.h"
#include "support/small_shape.h"
#include "training/trained_model.h"

namespace r1::training {

constexpr double kRounding = 1e-11;  // fp64, relative to values of about 1
constexpr std::uint64_t kModelSeed = 3;

/// `context`: the ranks that hold the tokens of a batch together.
inline std::unique_ptr<models::Model> toy_model(
    const std::string& architecture = "llama", std::uint64_t seed = kModelSeed,
    parallel::Communicator& context = parallel::alone()) {
  parallel::ModelAxes axes;
  axes.set(parallel::ModelAxis::Context, context);
  auto model = models::make_model(test::small_shape(architecture), at::kDouble, at::kCPU, axes);
  models::randomize(*model, seed);
  return model;
}

/// Of one rank, in fp64, so that layouts differ by rounding alone.
class ToyRank {
 public:
  struct Options {
    std::string architecture = "llama";
    std::int64_t micro_batch_tokens = 1000;
    bool share_prefix = true;
    double outlier_factor = 0.0;
    double learning_rate = 1e-2;
    std::int64_t zero_stage = 1;
    std::vector<ExtraParameter> extra = {};
    parallel::Communicator* context = nullptr;  // the ranks of one replica's context axis
    models::Recompute recompute = models::Recompute::Nothing;
  };
  explicit ToyRank(parallel::Communicator& replicas) : ToyRank(replicas, Options()) {}
  ToyRank(parallel::Communicator& replicas, const Options& options)
      : replicas_(replicas),
        model_(toy_model(options.architecture, kModelSeed,
                         options.context != nullptr ? *options.context : parallel::alone())) {
    trainer_options.micro_batch_tokens = options.micro_batch_tokens;
    trainer_options.share_prefix = options.share_prefix;
    trainer_options.gradient_dtype = "fp64";
    trainer_options.zero_stage = options.zero_stage;
    optim::OptimizerOptions optimizer;
    optimizer.learning_rate = options.learning_rate;
    optimizer.max_grad_norm = 1.0;
    config::RunOptions run;
    run.outlier_factor = options.outlier_factor;
    trainer_ = std::make_unique<Trainer>(*model_, options.extra, optimizer, trainer_options, run,
                                         /*total_steps=*/100, copies(options));
    model_->set_activation_checkpointing(options.recompute);
  }

  models::Model& model() { return *model_; }
  Trainer& trainer() { return *trainer_; }
  TrainedModel trained() { return {*model_, *trainer_, replicas_}; }
  /// Largest difference of any weight from those of another rank's model, whose weights are not
  /// shared out. Collective over: replicas, if the weights of this rank are.
  double distance(const models::Model& other) const {
    if (auto* const shards = model_->weight_shards()) shards->hold_all();
    double largest = 0.0;
    for (std::size_t i = 0; i < model_->parameters().size(); ++i)
      largest = std::max(largest, test::max_difference(model_->parameters()[i].value.detach(),
                                                       other.parameters()[i].value.detach()));
    if (auto* const shards = model_->weight_shards()) shards->release_all();
    return largest;
  }
  double distance_from_start(const std::string& architecture = "llama") const {
    return distance(*toy_model(architecture));
  }

  config::TrainerOptions trainer_options;

 private:
  WeightCopies copies(const Options& options) const {
    auto* ranks = options.context != nullptr ? options.context : &replicas_;
    return {ranks, ranks};
  }

  parallel::Communicator& replicas_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<Trainer> trainer_;
};

/// Samples of different lengths; two neighbours share their prompt.
inline std::vector<data::TrainingSample> toy_samples(std::int64_t count) {
  std::vector<data::TrainingSample> samples;
  for (std::int32_t i = 0; i < count; ++i) {
    auto& sample = samples.emplace_back();
    sample.prompt_ids = {1, (i / 2) % 13, 5};
    for (std::int32_t t = 0; t < 2 + i % 3; ++t) sample.completion_ids.push_back((3 * i + t) % 13);
  }
  return samples;
}

inline double number(const metrics::StepMetrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics.values())
    if (key == name) return std::get<double>(value);
  ADD_FAILURE() << "the row has no " << name;
  return 0.0;
}

}  // namespace r1::training
