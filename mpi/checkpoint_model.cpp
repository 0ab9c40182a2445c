#include "checkpoint_model.h"

#include <ATen/ATen.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "checkpoint/reader.h"
#include "models/adapters.h"
#include "models/hf_config.h"
#include "models/peft_folder.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

const std::string kPrefix = "hf/";

/// Weights alone: names of Hugging Face files begin so.
bool is_weight(const std::string& name) {
  return name.starts_with("model.") || name.starts_with("lm_head.");
}

class CheckpointSource final : public models::WeightSource {
 public:
  explicit CheckpointSource(const std::string& folder) : path_(folder), reader_(folder) {}
  const std::string& path() const override { return path_; }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, info] : reader_.tensors())
      if (is_weight(name)) names.push_back(name);
    return names;
  }
  bool has(const std::string& name) const override { return reader_.tensors().contains(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return reader_.tensors().at(name).shape;
  }
  at::ScalarType dtype(const std::string& name) const override {
    return reader_.tensors().at(name).dtype;
  }
  at::Tensor read(const std::string& name) const override { return reader_.read(name); }
  void fill(const at::Tensor& rows, const models::WeightSlice& slice) const override {
    const std::vector<std::int64_t> corner(static_cast<std::size_t>(rows.dim()), 0);
    reader_.read(slice.name, {slice.offset.empty() ? corner : slice.offset, rows.sizes().vec()},
                 rows, /*allow_cast=*/true);
  }
  std::int64_t bytes_read() const override { return reader_.bytes_read(); }
  /// Empty: there is no such file.
  std::string description(const std::string& file) const {
    const auto names = reader_.blob_names();
    const bool is_there = std::find(names.begin(), names.end(), kPrefix + file) != names.end();
    return is_there ? reader_.blob(kPrefix + file) : std::string();
  }
  models::AdapterTensors adapters() const {
    models::AdapterTensors adapters;
    for (const auto& [name, info] : reader_.tensors())
      if (name.starts_with(models::kPeftPrefix)) adapters[name] = reader_.read(name);
    return adapters;
  }

 private:
  std::string path_;
  mutable checkpoint::CheckpointReader reader_;  // caches what it verified
};

}  // namespace

bool is_checkpoint(const std::string& path) {
  return fs::exists(fs::path(path) / "MANIFEST.json");
}

/// The checkpoint of a run that trains adapters holds the adapters alone, and names the base.
static models::ModelFiles open_adapted_checkpoint(const CheckpointSource& source) {
  const auto file = source.path() + ": " + kPrefix + models::kPeftConfigFile;
  const auto peft = models::read_peft_config(
      base::parse_json(source.description(models::kPeftConfigFile), file), file, source.path());
  auto base =
      is_checkpoint(peft.base) ? open_checkpoint_model(peft.base) : models::open_model(peft.base);
  return models::adapted_model(std::move(base), peft.lora, source.adapters(), source.path());
}

models::ModelFiles open_checkpoint_model(const std::string& folder) {
  auto source = std::make_unique<CheckpointSource>(folder);
  if (!source->description(models::kPeftConfigFile).empty())
    return open_adapted_checkpoint(*source);
  const auto file = folder + ": " + kPrefix + "config.json";
  const auto text = source->description("config.json");
  if (text.empty())
    throw base::InputError(fmt::format(
        "{}: the checkpoint does not say its model's shape (no {}config.json)", folder, kPrefix));
  const auto config = base::parse_json(text, file);
  if (!config.is_object()) throw base::InputError(fmt::format("{}: not a JSON object", file));
  auto shape = models::shape_from_config(config, file);
  models::require_plausible(shape, *source);
  return {std::move(shape), std::move(source)};
}

checkpoint::Blobs description_blobs(const std::string& folder) {
  checkpoint::Blobs blobs;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (!entry.is_regular_file() || name.find(".safetensors") != std::string::npos) continue;
    blobs[kPrefix + name] = base::read_file(entry.path().string());
  }
  return blobs;
}

void write_description_blobs(const std::string& checkpoint_folder, const std::string& folder) {
  const checkpoint::CheckpointReader reader(checkpoint_folder);
  for (const auto& name : reader.blob_names()) {
    if (!name.starts_with(kPrefix)) continue;
    const auto file = fs::path(name.substr(kPrefix.size())).filename();  // never outside `folder`
    base::write_file_atomically((fs::path(folder) / file).string(), reader.blob(name));
  }
}

DescriptionFolder::DescriptionFolder(const std::string& checkpoint_folder)
    : path_((fs::temp_directory_path() / "r1mpi-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr)
    throw base::InputError(fmt::format("{}: cannot make a temporary folder there",
                                       fs::temp_directory_path().string()));
  write_description_blobs(checkpoint_folder, path_);
}

DescriptionFolder::~DescriptionFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace r1::mpi
