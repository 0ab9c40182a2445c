#include "models/safetensors_source.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "checkpoint/formats/fp8.h"
#include "checkpoint/formats/safetensors_folder.h"
#include "checkpoint/formats/safetensors_writer.h"

namespace r1::models {
namespace {

constexpr std::int64_t kMaxBlock = 65536;

const std::map<std::string, at::ScalarType>& dtypes() {
  static const std::map<std::string, at::ScalarType> table{
      {"F64", at::kDouble}, {"F32", at::kFloat}, {"BF16", at::kBFloat16}, {"F16", at::kHalf}};
  return table;
}

constexpr const char* kFp8 = "F8_E4M3";

/// quantization_config.weight_block_size of the folder's config.json; empty: none is stated.
std::vector<std::int64_t> read_fp8_block(const std::string& folder) {
  const auto file = folder + "/config.json";
  if (!std::filesystem::exists(file)) return {};
  const auto config = base::parse_json(base::read_file(file), file);
  if (!config.is_object() || !config.contains("quantization_config")) return {};
  const auto quantization = config["quantization_config"];
  if (quantization.is_null()) return {};
  const auto fail = [&](const char* expected) {
    throw base::InputError(fmt::format("{}: quantization_config: expected {}, found {}", file,
                                       expected, quantization.dump()));
  };
  if (!quantization.is_object() || quantization.value("quant_method", nlohmann::json()) != "fp8")
    fail("quant_method fp8");
  const auto sizes = quantization.value("weight_block_size", nlohmann::json());
  if (sizes.is_null()) return {};
  if (!sizes.is_array() || sizes.size() != 2) fail("a weight_block_size of two numbers");
  for (const auto& size : sizes)
    if (!size.is_number_unsigned() || size < 1 || size > kMaxBlock)
      fail("a weight_block_size of numbers from 1 to 65536");
  return sizes.get<std::vector<std::int64_t>>();
}

std::string dtype_text(at::ScalarType dtype) {
  for (const auto& [text, value] : dtypes())
    if (value == dtype) return text;
  throw base::InternalError(fmt::format("dtype {} has no safetensors name", c10::toString(dtype)));
}

constexpr const char* kScaleSuffix = "_scale_inv";  // DeepSeek's name: it multiplies all the same

class SafetensorsSource final : public WeightSource {
 public:
  explicit SafetensorsSource(const std::string& folder)
      : folder_(folder), block_(read_fp8_block(folder)) {}
  const std::string& path() const override { return folder_.path(); }
  std::vector<std::string> names() const override {
    auto names = folder_.names();
    std::erase_if(names, [this](const std::string& name) { return is_scale(name); });
    return names;
  }
  bool has(const std::string& name) const override {
    return folder_.find(name) != nullptr && !is_scale(name);
  }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return folder_.tensor(name).shape;
  }
  at::Tensor read(const std::string& name) const override {
    const auto& tensor = folder_.tensor(name);
    auto values = tensor.dtype == kFp8 ? read_fp8(tensor) : read_plain(tensor);
    checkpoint::release_pages(tensor.data);
    return values;
  }
  at::Tensor read_box(const WeightSlice& slice, at::IntArrayRef extent) const override {
    const auto& tensor = folder_.tensor(slice.name);
    const auto dtype = dtypes().find(tensor.dtype);
    const auto* data = tensor.data.data();
    const bool in_place = dtype != dtypes().end() && !slice.offset.empty() &&
                          reinterpret_cast<std::uintptr_t>(data) % sizeof(double) == 0;
    if (!in_place) return box_of(read(slice.name), slice, extent);
    // The mapped file itself: only the pages of the box are read.
    const auto whole = at::from_blob(const_cast<std::byte*>(data), tensor.shape, dtype->second);
    auto box = box_of(whole, slice, extent).clone(at::MemoryFormat::Contiguous);
    checkpoint::release_pages(tensor.data);
    return box;
  }

 private:
  bool is_scale(const std::string& name) const {
    if (!name.ends_with(kScaleSuffix)) return false;
    const auto* scaled = folder_.find(name.substr(0, name.size() - std::strlen(kScaleSuffix)));
    return scaled != nullptr && scaled->dtype == kFp8;
  }

  at::Tensor read_plain(const checkpoint::SafetensorsTensor& tensor) const {
    const auto dtype = dtypes().find(tensor.dtype);
    if (dtype == dtypes().end())
      throw base::InputError(fmt::format(
          "{}: tensor '{}': dtype {} is not supported: expected F64, F32, BF16, F16 or F8_E4M3",
          path(), tensor.name, tensor.dtype));
    auto values = at::empty(tensor.shape, dtype->second);
    std::copy(tensor.data.begin(), tensor.data.end(),
              static_cast<std::byte*>(values.mutable_data_ptr()));
    return values;
  }

  at::Tensor read_fp8(const checkpoint::SafetensorsTensor& tensor) const {
    const auto scale_name = tensor.name + kScaleSuffix;
    const auto* stored = folder_.find(scale_name);
    if (stored == nullptr || block_.empty() || tensor.shape.size() != 2)
      throw base::InputError(fmt::format(
          "{}: tensor '{}': expected fp8 weights [rows, columns] with a tensor '{}' and "
          "quantization_config.weight_block_size in config.json, found {}",
          path(), tensor.name, scale_name,
          stored == nullptr ? "no such tensor"
          : block_.empty()  ? "no block size"
                            : fmt::format("{} dimensions", tensor.shape.size())));
    const checkpoint::Fp8Blocks blocks{tensor.shape[0], tensor.shape[1], block_[0], block_[1]};
    const std::vector<std::int64_t> expected{blocks.scale_rows(), blocks.scale_columns()};
    if (stored->shape != expected)
      throw base::InputError(
          fmt::format("{}: tensor '{}': expected shape [{}, {}] for blocks of [{}, {}], found [{}]",
                      path(), scale_name, expected[0], expected[1], block_[0], block_[1],
                      fmt::join(stored->shape, ", ")));
    const auto scales = read_plain(*stored).to(at::kFloat);
    auto values = at::empty(tensor.shape, at::kFloat);
    checkpoint::dequantise_fp8(
        blocks, tensor.data,
        {scales.const_data_ptr<float>(), static_cast<std::size_t>(scales.numel())},
        {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    return values;
  }

  checkpoint::SafetensorsFolder folder_;
  std::vector<std::int64_t> block_;  // rows and columns of an fp8 block; empty: not stated
};

}  // namespace

std::unique_ptr<WeightSource> open_safetensors_weights(const std::string& folder) {
  return std::make_unique<SafetensorsSource>(folder);
}

void write_safetensors_weights(std::span<const Parameter> parameters, const std::string& folder,
                               std::size_t shard_bytes) {
  std::vector<checkpoint::SafetensorsEntry> entries;
  std::map<std::string, at::Tensor> values;
  for (const auto& parameter : parameters) {
    for (const auto& slice : parameter.slices) {
      values[slice.name] = rows_of(parameter, slice);
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
