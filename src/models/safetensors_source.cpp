#include "models/safetensors_source.h"

#include <ATen/ATen.h>

#include <map>

#include "base/errors.h"
#include "checkpoint/formats/safetensors_folder.h"
#include "checkpoint/formats/safetensors_writer.h"

namespace r1::models {
namespace {

const std::map<std::string, at::ScalarType>& dtypes() {
  static const std::map<std::string, at::ScalarType> table{
      {"F64", at::kDouble}, {"F32", at::kFloat}, {"BF16", at::kBFloat16}, {"F16", at::kHalf}};
  return table;
}

std::string dtype_text(at::ScalarType dtype) {
  for (const auto& [text, value] : dtypes())
    if (value == dtype) return text;
  throw base::InternalError(fmt::format("dtype {} has no safetensors name", c10::toString(dtype)));
}

class SafetensorsSource final : public WeightSource {
 public:
  explicit SafetensorsSource(const std::string& folder) : folder_(folder) {}
  const std::string& path() const override { return folder_.path(); }
  std::vector<std::string> names() const override { return folder_.names(); }
  bool has(const std::string& name) const override { return folder_.find(name) != nullptr; }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return folder_.tensor(name).shape;
  }
  at::Tensor read(const std::string& name) const override {
    const auto& tensor = folder_.tensor(name);
    const auto dtype = dtypes().find(tensor.dtype);
    if (dtype == dtypes().end())
      throw base::InputError(
          fmt::format("{}: tensor '{}': dtype {} is not supported: expected F64, F32, BF16 or F16",
                      path(), name, tensor.dtype));
    auto values = at::empty(tensor.shape, dtype->second);
    std::copy(tensor.data.begin(), tensor.data.end(),
              static_cast<std::byte*>(values.mutable_data_ptr()));
    return values;
  }

 private:
  checkpoint::SafetensorsFolder folder_;
};

}  // namespace

std::unique_ptr<WeightSource> open_safetensors_weights(const std::string& folder) {
  return std::make_unique<SafetensorsSource>(folder);
}

void write_safetensors_weights(const Model& model, const std::string& folder,
                               std::size_t shard_bytes) {
  std::vector<checkpoint::SafetensorsEntry> entries;
  std::map<std::string, at::Tensor> values;
  for (const auto& parameter : model.parameters()) {
    for (const auto& slice : parameter.slices) {
      values[slice.name] = parameter.value.detach().narrow(0, slice.row_begin, slice.rows);
      const auto& value = values[slice.name];
      entries.push_back({slice.name, dtype_text(value.scalar_type()), value.sizes().vec()});
    }
  }
  const auto shards = checkpoint::split_into_shards(entries, shard_bytes);
  for (const auto& shard : shards) {
    checkpoint::SafetensorsWriter writer(folder + "/" + shard.file, shard.entries);
    for (const auto& entry : shard.entries) {
      const auto host = values[entry.name].cpu().contiguous();
      writer.write(entry.name,
                   {static_cast<const std::byte*>(host.const_data_ptr()), host.nbytes()});
    }
    writer.finish();
  }
  checkpoint::write_safetensors_index(folder, shards);
}

}  // namespace r1::models
