#pragma once
// Models in checkpoints: weights under Hugging Face names, and the small files of the model's
// folder (config.json, tokenizer ...) as blobs "hf/NAME".
#include <string>

#include "checkpoint/snapshot.h"
#include "models/weights.h"

namespace r1::mpi {

/// Whether `path` is a checkpoint folder.
bool is_checkpoint(const std::string& path);

/// Opens the shape and the weights, without the optimizer state and other extra tensors. A
/// checkpoint with "hf/adapter_config.json" holds adapters alone; they are merged into the base
/// that this file names. Throws: InputError, also if the checkpoint contains no "hf/config.json".
models::ModelFiles open_checkpoint_model(const std::string& folder);

/// Reads the files of a folder, without weights and subfolders, as blobs "hf/NAME", or writes the
/// blobs of a checkpoint as files. Throws: InputError.
checkpoint::Blobs description_blobs(const std::string& folder);
void write_description_blobs(const std::string& checkpoint_folder, const std::string& folder);

/// The description files of a checkpoint in a temporary folder, for readers of Hugging Face folders
/// (the tokenizer). The destructor removes the folder.
class DescriptionFolder {
 public:
  /// Throws: InputError.
  explicit DescriptionFolder(const std::string& checkpoint_folder);
  ~DescriptionFolder();
  DescriptionFolder(const DescriptionFolder&) = delete;
  DescriptionFolder& operator=(const DescriptionFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace r1::mpi
