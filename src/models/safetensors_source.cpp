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

constexpr const char* kScaleSuffix = "_scale_inv";  // DeepSeek's name: it multiplies all the same

class SafetensorsSource final : public WeightSource {
 public:
  explicit SafetensorsSource(const std::string& folder)
      : folder_(folder), block_(read_fp8_block(folder)) {}
  const std::string& path() const override { return folder_.path(); }
  std::string file_of(const std::string& name) const override { return folder_.file_of(name); }
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
  at::ScalarType dtype(const std::string& name) const override {
    const auto& tensor = folder_.tensor(name);
    return tensor.dtype == kFp8 ? at::kFloat : dtype_of(tensor);
  }
  at::Tensor read(const std::string& name) const override {
    const auto& tensor = folder_.tensor(name);
    const auto num_rows = tensor.shape.empty() ? 0 : tensor.shape[0];
    auto values = tensor.dtype == kFp8 ? read_fp8(tensor, 0, num_rows) : read_plain(tensor);
    checkpoint::release_pages(tensor.data);
    return values;
  }
  void fill(const at::Tensor& rows, const WeightSlice& slice) const override {
    const auto& tensor = folder_.tensor(slice.name);
    if (tensor.dtype == kFp8)
      fill_fp8(rows, tensor, slice);
    else
      fill_plain(rows, tensor, slice);
    checkpoint::release_pages(tensor.data);
  }
  std::int64_t bytes_read() const override { return bytes_read_; }

 private:
  bool is_scale(const std::string& name) const {
    if (!name.ends_with(kScaleSuffix)) return false;
    const auto* scaled = folder_.find(name.substr(0, name.size() - std::strlen(kScaleSuffix)));
    return scaled != nullptr && scaled->dtype == kFp8;
  }

  at::ScalarType dtype_of(const checkpoint::SafetensorsTensor& tensor) const {
    const auto dtype = dtypes().find(tensor.dtype);
    if (dtype == dtypes().end())
      throw base::InputError(fmt::format(
          "{}: tensor '{}': dtype {} is not supported: expected F64, F32, BF16, F16 or F8_E4M3",
          file_of(tensor.name), tensor.name, tensor.dtype));
    return dtype->second;
  }

  at::Tensor read_plain(const checkpoint::SafetensorsTensor& tensor) const {
    auto values = at::empty(tensor.shape, dtype_of(tensor));
    std::copy(tensor.data.begin(), tensor.data.end(),
              static_cast<std::byte*>(values.mutable_data_ptr()));
    bytes_read_ += static_cast<std::int64_t>(tensor.data.size());
    return values;
  }

  void fill_plain(const at::Tensor& rows, const checkpoint::SafetensorsTensor& tensor,
                  const WeightSlice& slice) const {
    const auto dtype = dtype_of(tensor);
    auto* data = const_cast<std::byte*>(tensor.data.data());
    if (reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(dtype) != 0) {
      rows.copy_(box_of(read_plain(tensor), slice, rows.sizes()));
      return;
    }
    // The mapped file itself: only the pages of the box are read.
    rows.copy_(box_of(at::from_blob(data, tensor.shape, dtype), slice, rows.sizes()));
    bytes_read_ += rows.numel() * static_cast<std::int64_t>(c10::elementSize(dtype));
  }

  void fill_fp8(const at::Tensor& rows, const checkpoint::SafetensorsTensor& tensor,
                const WeightSlice& slice) const {
    if (slice.offset.empty())
      rows.copy_(read_fp8(tensor, 0, tensor.shape[0]));
    else
      rows.copy_(
          read_fp8(tensor, slice.offset[0], rows.size(0)).narrow(1, slice.offset[1], rows.size(1)));
  }

  /// Rows [first, first + num_rows) as fp32: whole blocks of rows are read.
  at::Tensor read_fp8(const checkpoint::SafetensorsTensor& tensor, std::int64_t first,
                      std::int64_t num_rows) const {
    const auto& scales = fp8_scales(tensor);
    const auto columns = tensor.shape[1], begin = first / block_[0] * block_[0];
    const checkpoint::Fp8Blocks part{first + num_rows - begin, columns, block_[0], block_[1]};
    const auto data = tensor.data.subspan(static_cast<std::size_t>(begin * columns),
                                          static_cast<std::size_t>(part.rows * columns));
    const auto part_scales =
        read_plain(scales).to(at::kFloat).narrow(0, begin / block_[0], part.scale_rows());
    auto values = at::empty({part.rows, columns}, at::kFloat);
    checkpoint::dequantise_fp8(
        part, data,
        {part_scales.const_data_ptr<float>(), static_cast<std::size_t>(part_scales.numel())},
        {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
    bytes_read_ += static_cast<std::int64_t>(data.size());
    return values.narrow(0, first - begin, num_rows);
  }

  /// The scales of an fp8 tensor, checked.
  const checkpoint::SafetensorsTensor& fp8_scales(
      const checkpoint::SafetensorsTensor& tensor) const {
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
    return *stored;
  }

  checkpoint::SafetensorsFolder folder_;
  std::vector<std::int64_t> block_;  // rows and columns of an fp8 block; empty: not stated
  mutable std::int64_t bytes_read_ = 0;
};

}  // namespace

std::string safetensors_dtype(at::ScalarType dtype) {
  for (const auto& [text, value] : dtypes())
    if (value == dtype) return text;
  throw base::InternalError(fmt::format("dtype {} has no safetensors name", c10::toString(dtype)));
}

std::unique_ptr<WeightSource> open_safetensors_weights(const std::string& folder) {
  return std::make_unique<SafetensorsSource>(folder);
}

std::map<std::string, at::Tensor> read_safetensors_file(const std::string& path) {
  const checkpoint::SafetensorsFile file(path);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : file.tensors()) {
    const auto dtype = dtypes().find(tensor.dtype);
    if (dtype == dtypes().end())
      throw base::InputError(
          fmt::format("{}: tensor '{}': dtype {} is not supported: expected F64, F32, BF16 or F16",
                      path, name, tensor.dtype));
    auto values = at::empty(tensor.shape, dtype->second);
    std::copy(tensor.data.begin(), tensor.data.end(),
              static_cast<std::byte*>(values.mutable_data_ptr()));
    tensors[name] = values;
  }
  return tensors;
}

void write_safetensors_weights(std::span<const Parameter> parameters, const std::string& folder,
                               std::size_t shard_bytes) {
  std::vector<checkpoint::SafetensorsEntry> entries;
  std::map<std::string, at::Tensor> values;
  for (const auto& parameter : parameters) {
    for (const auto& slice : parameter.slices) {
      values[slice.name] = rows_of(parameter, slice);
      const auto& value = values[slice.name];
      entries.push_back({slice.name, safetensors_dtype(value.scalar_type()), value.sizes().vec()});
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
