#include "checkpoint/formats/safetensors_folder.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"

namespace r1::checkpoint {

bool SafetensorsFolder::is_one(const std::string& folder) {
  return std::filesystem::exists(folder + "/" + kSingleFile) ||
         std::filesystem::exists(folder + "/" + kIndexFile);
}

SafetensorsFolder::SafetensorsFolder(const std::string& folder) : folder_(folder) {
  const std::string single = folder + "/" + kSingleFile;
  const std::string index = folder + "/" + kIndexFile;
  if (std::filesystem::exists(single)) {  // transformers prefers it to an index too
    files_.push_back(std::make_unique<SafetensorsFile>(single));
    for (const auto& [name, tensor] : files_.back()->tensors()) tensors_[name] = &tensor;
  } else if (std::filesystem::exists(index)) {
    open_shards(index);
  } else {
    throw base::InputError(
        fmt::format("{}: expected {} or {}, found neither", folder, kSingleFile, kIndexFile));
  }
}

void SafetensorsFolder::open_shards(const std::string& index_path) {
  const nlohmann::json index = base::parse_json(base::read_file(index_path), index_path);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
    throw base::InputError(
        fmt::format("{}: expected a JSON object with an object 'weight_map'", index_path));
  std::map<std::string, const SafetensorsFile*> opened;
  for (const auto& [name, file] : index["weight_map"].items()) {
    const std::string shard = file.is_string() ? file.get<std::string>() : std::string();
    if (shard.empty() || std::filesystem::path(shard).filename() != shard)
      throw base::InputError(fmt::format("{}: tensor {}: expected a file name, found {}",
                                         index_path, name, file.dump()));
    const SafetensorsFile*& reader = opened[shard];
    if (reader == nullptr) {
      files_.push_back(std::make_unique<SafetensorsFile>(folder_ + "/" + shard));
      reader = files_.back().get();
    }
    tensors_[name] = &reader->tensor(name);
  }
}

std::vector<std::string> SafetensorsFolder::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

const SafetensorsTensor* SafetensorsFolder::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

const SafetensorsTensor& SafetensorsFolder::tensor(const std::string& name) const {
  const SafetensorsTensor* found = find(name);
  if (found == nullptr)
    throw base::InputError(fmt::format("{}: no tensor named {}", folder_, name));
  return *found;
}

const std::string& SafetensorsFolder::file_of(const std::string& name) const {
  const SafetensorsTensor& wanted = tensor(name);
  for (const auto& file : files_)
    if (file->find(name) == &wanted) return file->path();
  return folder_;
}

}  // namespace r1::checkpoint
