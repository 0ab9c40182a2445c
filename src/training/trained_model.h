#pragma once
// What a stage trains: a model, its trainer, and the ranks that train the same weights.
#include <functional>

#include "models/model.h"
#include "parallel/communicator.h"
#include "training/trainer.h"

namespace r1::training {

/// Only references: model, trainer and communicator outlive it.
struct TrainedModel {
  models::Model& model;
  Trainer& trainer;
  parallel::Communicator& replicas;  // of the model, each with samples of its own
};

/// Called between micro-batches: messages of other roles move on meanwhile.
using Progress = std::function<void()>;

}  // namespace r1::training
