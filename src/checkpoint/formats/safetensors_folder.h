#pragma once
// Reads the weights of a Hugging Face folder: one safetensors file, or shards named by an index.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/formats/safetensors.h"

namespace r1::checkpoint {

inline constexpr const char* kSingleFile = "model.safetensors";
inline constexpr const char* kIndexFile = "model.safetensors.index.json";

/// The weights of a model folder: model.safetensors, or the shards that
/// model.safetensors.index.json names.
class SafetensorsFolder {
 public:
  /// Throws: InputError naming the folder, file or tensor.
  explicit SafetensorsFolder(const std::string& folder);

  /// Whether the folder has weights in this format.
  static bool is_one(const std::string& folder);

  const std::string& path() const { return folder_; }
  /// Sorted.
  std::vector<std::string> names() const;
  const SafetensorsTensor* find(const std::string& name) const;
  const SafetensorsTensor& tensor(const std::string& name) const;
  /// Path of the file that holds the tensor.
  const std::string& file_of(const std::string& name) const;

 private:
  void open_shards(const std::string& index_path);

  std::string folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, const SafetensorsTensor*> tensors_;
};

}  // namespace r1::checkpoint
