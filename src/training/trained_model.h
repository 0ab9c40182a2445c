#pragma once
// What a stage trains: a model, the model's trainer, and the ranks that train the same weights.
#include <functional>

#include "models/model.h"
#include "parallel/communicator.h"
#include "training/trainer.h"

namespace r1::training {

/// Holds references only: model, trainer and communicator must outlive the struct.
struct TrainedModel {
  models::Model& model;
  Trainer& trainer;
  parallel::Communicator& replicas;  // the model's replicas, each with samples of its own
};

/// Called between micro-batches, so that messages of other roles make progress.
using Progress = std::function<void()>;

}  // namespace r1::training
