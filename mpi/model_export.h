#pragma once
// Writes a trained model as safetensors shards, without any rank holding the model.
//
// The shards are dealt out evenly to the policy's ranks. Every rank sends the boxes of the master
// weights that it updates to the ranks that write them, in buckets (parallel/transfer.h), and a
// writer appends each tensor to its file as soon as the tensor is complete. The tensors of
// different writers alternate, so that all writers write at the same time. The files depend only on
// the model, the dtype and the size of a shard.
#include <string>

#include "models/shard_stream.h"
#include "role_groups.h"

namespace r1::training {
class Trainer;
}

namespace r1::mpi {

struct ExportOptions {
  at::ScalarType dtype;       // of weights in the model's dtype; wider tensors keep theirs
  std::size_t shard_bytes;    // largest shard; a larger tensor has its own shard
  std::int64_t bucket_bytes;  // what a rank sends and receives in one round
  /// A model with adapters is exported with the adapters merged into its weights.
  enum class What {
    LanguageModel,
    RewardModel,  // a classifier with one output: its score in place of the head
    Adapters      // without the base, in one file with PEFT's name
  };
  What what = What::LanguageModel;
};

/// What the export needed on this rank beyond the trainer.
struct ExportMemory {
  std::int64_t messages = 0;  // bytes of messages at a time, on the device of the communicator
  std::int64_t tensors = 0;   // bytes of tensors that the rank writes at a time, on the host
};

/// Writes the shards of the trainer's master weights (training/merged_weights.h) to `folder`, which
/// exists. The index, without which several shards are no model, is left to write_export_index().
/// An error of the file system is thrown by the rank that writes, after all ranks have finished.
/// Collective over: the policy. Throws: InputError or FileError if the file system refused.
ExportMemory export_shards(RoleGroups& groups, const training::Trainer& trainer,
                           const std::string& folder, const ExportOptions& options);

/// Completes the folder when all shards are written; the folder of a single shard has no index.
/// Collective over: none. Throws: as export_shards().
void write_export_index(const models::ModelShape& shape, const std::string& folder,
                        const ExportOptions& options);

}  // namespace r1::mpi
