#pragma once
// A model out of a checkpoint, and into one: weights under their Hugging Face names, and beside
// them the small files of the model's folder (config.json, tokenizer …) as blobs "hf/NAME".
#include <string>

#include "checkpoint/snapshot.h"
#include "models/weights.h"

namespace r1::mpi {

/// Whether `path` is a checkpoint folder.
bool is_checkpoint(const std::string& path);

/// Shape and weights; optimizer state and other extra tensors are not among them.
/// Throws: InputError, also when the checkpoint holds no "hf/config.json".
models::ModelFiles open_checkpoint_model(const std::string& folder);

/// The files of a folder as blobs "hf/NAME" (weights and subfolders left out), and back.
/// Throws: InputError.
checkpoint::Blobs description_blobs(const std::string& folder);
void write_description_blobs(const std::string& checkpoint_folder, const std::string& folder);

/// The description of a checkpoint as files in a temporary folder, which goes with the object: for
/// what reads Hugging Face folders (the tokenizer).
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
