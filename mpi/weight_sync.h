#pragma once
// Weights of a model on their way to ranks that hold it in another split, or not at all. Whole
// tensors travel, one at a time, from a rank that helps to put them together to those that it
// serves.
#include <span>

#include "communicator.h"
#include "models/model.h"

namespace r1::mpi {

/// To the ranks `targets` of `world`, each of which calls receive_weights. Returns the bytes of the
/// whole model. Collective over: the ranks that hold `model` together, each with targets of its
/// own (or none).
double send_weights(parallel::Communicator& world, const models::Model& model,
                    std::span<const int> targets);

/// Fills `model`, which is of the same shape and dtype as the sender's. Returns the bytes received.
double receive_weights(parallel::Communicator& world, models::Model& model, int source);

}  // namespace r1::mpi
