#include "models/weights.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "models/finite.h"
#include "models/gguf_source.h"
#include "models/hf_config.h"
#include "models/model_size.h"
#include "models/peft_folder.h"
#include "models/safetensors_source.h"

namespace r1::models {
namespace {

namespace fs = std::filesystem;

bool may_be_left_over(const std::string& name, const ModelShape& shape,
                      const WeightSource& source) {
  const auto sizes = source.shape(name);
  return name.ends_with("rotary_emb.inv_freq") ||
         (name == "lm_head.weight" && shape.tie_word_embeddings) ||
         std::find(sizes.begin(), sizes.end(), 0) != sizes.end();  // no shared experts
}

/// "model.layers.61.…" of a model with 61 layers: DeepSeek-V3's multi-token-prediction layer.
bool is_beyond_the_layers(const std::string& name, const ModelShape& shape) {
  const std::string prefix = "model.layers.";
  if (!name.starts_with(prefix)) return false;
  std::int64_t layer = 0;
  const auto* begin = name.data() + prefix.size();
  const auto parsed = std::from_chars(begin, name.data() + name.size(), layer);
  return parsed.ec == std::errc() && parsed.ptr != begin && layer >= shape.num_hidden_layers;
}

/// "model.layers.3.mlp.experts.{}.up_proj.weight" for a tensor of an expert of this shape, else "".
std::string expert_pattern(const std::string& name, const ModelShape& shape) {
  const std::string mark = ".experts.";
  const auto at = name.find(mark);
  if (at == std::string::npos) return {};
  const auto* begin = name.data() + at + mark.size();
  std::int64_t expert = 0;
  const auto parsed = std::from_chars(begin, name.data() + name.size(), expert);
  if (parsed.ec != std::errc() || expert >= shape.experts.num_experts) return {};
  return name.substr(0, at + mark.size()) + "{}" +
         std::string(parsed.ptr, name.data() + name.size());
}

nlohmann::json read_config(const std::string& file) {
  auto config = base::parse_json(base::read_file(file), file);
  if (!config.is_object()) throw base::InputError(fmt::format("{}: not a JSON object", file));
  return config;
}

}  // namespace

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

namespace {

/// Reads parameters and sees to it that they are all that a source holds.
class Loading {
 public:
  Loading(const WeightSource& source, const ModelShape& shape) : source_(source), shape_(shape) {
    for (auto& name : source.names()) left_.insert(std::move(name));
  }

  void fill(const Parameter& parameter) {
    for (const auto& slice : parameter.slices) {
      if (left_.erase(slice.name) == 0)
        throw base::InputError(
            fmt::format("{}: tensor '{}' is missing", source_.path(), slice.name));
      experts_.insert(expert_pattern(slice.name, shape_));
      const auto rows = rows_of(parameter, slice);
      const auto expected = whole_shape(parameter, slice);
      if (source_.shape(slice.name) != expected)
        throw base::InputError(
            fmt::format("{}: tensor '{}': expected shape {}, found {}", source_.file_of(slice.name),
                        slice.name, shape_text(expected), shape_text(source_.shape(slice.name))));
      source_.fill(rows, slice);
      require_finite(rows, source_.file_of(slice.name), slice.name);
    }
  }

  void check_left_over() const {
    std::size_t num_beyond = 0;
    for (const auto& name : left_) {
      if (is_beyond_the_layers(name, shape_))
        ++num_beyond;
      else if (const auto pattern = expert_pattern(name, shape_);
               (pattern.empty() || !experts_.contains(pattern)) &&
               !may_be_left_over(name, shape_, source_))
        throw base::InputError(fmt::format("{}: tensor '{}' belongs to no parameter of a {} model",
                                           source_.file_of(name), name, shape_.architecture));
    }
    if (num_beyond > 0)
      base::log_warning("{}: {} tensors of layers beyond num_hidden_layers = {} are skipped",
                        source_.path(), num_beyond, shape_.num_hidden_layers);
  }

 private:
  const WeightSource& source_;
  const ModelShape& shape_;
  std::set<std::string> left_, experts_;
};

}  // namespace

void load_weights(Model& model, const WeightSource& source) {
  Loading loading(source, model.shape());
  for (const auto& parameter : model.parameters()) loading.fill(parameter);
  loading.check_left_over();
}

void load_weights(std::span<const Parameter> parameters, const ModelShape& shape,
                  const WeightSource& source, at::ScalarType dtype, const TakeParameter& take) {
  Loading loading(source, shape);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto parameter = parameters[i];
    parameter.value = at::empty(parameter.value.sizes(), dtype);
    loading.fill(parameter);
    take(i, parameter.value);
  }
  loading.check_left_over();
}

void require_plausible(const ModelShape& shape, const WeightSource& source) {
  const auto names = source.names();
  if (shape.num_hidden_layers > static_cast<std::int64_t>(names.size()))
    throw base::InputError(
        fmt::format("{}: num_hidden_layers is {}, but the weights are {} tensors", source.path(),
                    shape.num_hidden_layers, names.size()));
  double held = 0.0;
  for (const auto& name : names) {
    double elements = 1.0;
    for (const auto extent : source.shape(name)) elements *= static_cast<double>(extent);
    held += elements;
  }
  const double wanted = count_parameters(shape).total();
  if (wanted > 2.0 * held)
    throw base::InputError(
        fmt::format("{}: the configuration describes {:.0f} parameters, the weights hold {:.0f}",
                    source.path(), wanted, held));
}

ModelShape read_shape(const std::string& path) {
  if (is_peft_folder(path)) return read_shape(read_peft_config(path).base);
  if (fs::is_regular_file(path)) return gguf_shape(path);
  const auto file = (fs::path(path) / "config.json").string();
  if (!fs::exists(file))
    throw base::InputError(fmt::format(
        "model '{}': expected a Hugging Face folder with config.json, or a GGUF file; {}", path,
        fs::exists(path) ? "found neither" : "it does not exist"));
  return shape_from_config(read_config(file), file);
}

ModelFiles open_model(const std::string& path) {
  if (is_peft_folder(path)) return open_peft_model(path);
  auto shape = read_shape(path);
  auto weights =
      fs::is_regular_file(path) ? open_gguf_weights(path, shape) : open_safetensors_weights(path);
  require_plausible(shape, *weights);
  return {shape, std::move(weights)};
}

}  // namespace r1::models
