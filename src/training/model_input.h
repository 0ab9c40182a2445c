#pragma once
// From packed records to a model's input, and the no-gradient scoring that reference, teacher and
// policy share.
#include <vector>

#include "data/packing.h"
#include "models/lockstep.h"

namespace r1::training {

/// The flat batch on the model's device. The result must outlive the backward pass over it.
models::ModelInput model_input(const data::MicroBatch& batch, const models::Model& model);

/// loss_targets / loss_rows as int64 tensors on a device.
at::Tensor to_tensor(const std::vector<std::int64_t>& values, at::Device device);
at::Tensor targets_tensor(const data::MicroBatch& batch, at::Device device);

/// Lists of numbers as fp64 tensors on the CPU, and back from any device.
at::Tensor to_tensor(const std::vector<double>& values);
std::vector<double> to_vector(const at::Tensor& values);

/// How scoring cuts its work; none of it changes a result.
struct ScoringOptions {
  std::int64_t tokens_per_batch = 32768;
  std::int64_t logprob_chunk_tokens = 0;
  bool share_prefix = true;
};

/// One phase of work of its own, or a part of `phase` (models/lockstep.h), which the caller
/// finishes. Log-probabilities of every completion token under softmax(logits / temperature), per
/// sample in their order. Samples without a completion get an empty list.
std::vector<std::vector<double>> score_samples(const models::Model& model,
                                               std::span<const data::TrainingSample> samples,
                                               double temperature, const ScoringOptions& options,
                                               models::Lockstep* phase = nullptr);

}  // namespace r1::training
