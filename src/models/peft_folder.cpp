#include "models/peft_folder.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"
#include "models/adapters.h"
#include "models/config_keys.h"
#include "models/finite.h"
#include "models/safetensors_source.h"

namespace r1::models {
namespace {

namespace fs = std::filesystem;

std::string existing_base(const std::string& name, const std::string& file,
                          const std::string& folder) {
  for (const auto& path : {fs::path(name), fs::path(folder) / name})
    if (!name.empty() && fs::exists(path)) return path.string();
  throw base::InputError(fmt::format(
      "{}: key 'base_model_name_or_path': expected the path of the base model, found {}", file,
      name.empty() ? "none" : fmt::format("'{}', which does not exist", name)));
}

/// Each factor belongs to a tensor of the base and has that tensor's shape and the rank.
void check_factors(const WeightSource& base, const LoraOptions& lora,
                   const AdapterTensors& adapters, const std::string& where) {
  for (const auto& [name, values] : adapters) {
    const bool is_a = name.ends_with(kLoraA), is_b = name.ends_with(kLoraB);
    const std::string prefix = kPeftPrefix;
    const auto weight =
        !name.starts_with(prefix) || (!is_a && !is_b)
            ? std::string()
            : name.substr(prefix.size(), name.size() - prefix.size() - std::strlen(kLoraA)) +
                  ".weight";
    if (weight.empty() || !base.has(weight))
      throw base::InputError(fmt::format("{}: tensor '{}': expected an adapter of a weight of {}",
                                         where, name, base.path()));
    const auto of_base = base.shape(weight);
    const std::vector<std::int64_t> expected =
        is_a ? std::vector{lora.r, of_base.back()} : std::vector{of_base.front(), lora.r};
    if (values.sizes() != at::IntArrayRef(expected))
      throw base::InputError(fmt::format("{}: tensor '{}': expected shape {}, found {}", where,
                                         name, shape_text(expected), shape_text(values.sizes())));
    const auto other = name.substr(0, name.size() - std::strlen(kLoraA)) + (is_a ? kLoraB : kLoraA);
    if (!adapters.contains(other))
      throw base::InputError(fmt::format("{}: tensor '{}' is missing", where, other));
    require_finite(values, where, name);
  }
}

class AdaptedSource final : public WeightSource {
 public:
  AdaptedSource(std::unique_ptr<WeightSource> base, double scale, AdapterTensors adapters)
      : base_(std::move(base)), scale_(scale), adapters_(std::move(adapters)) {}
  const std::string& path() const override { return base_->path(); }
  std::string file_of(const std::string& name) const override { return base_->file_of(name); }
  std::vector<std::string> names() const override { return base_->names(); }
  bool has(const std::string& name) const override { return base_->has(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return base_->shape(name);
  }
  /// A merged weight has more bits than its bf16 base.
  at::ScalarType dtype(const std::string& name) const override {
    return is_adapted(name) ? c10::promoteTypes(base_->dtype(name), at::kFloat)
                            : base_->dtype(name);
  }
  at::Tensor read(const std::string& name) const override {
    if (!is_adapted(name)) return base_->read(name);
    const auto whole = at::empty(shape(name), dtype(name));
    fill(whole, {name, 0, whole.size(0)});
    return whole;
  }
  void fill(const at::Tensor& rows, const WeightSlice& slice) const override {
    if (!is_adapted(slice.name)) return base_->fill(rows, slice);
    const at::NoGradGuard no_grad;
    const auto wide = c10::promoteTypes(dtype(slice.name), rows.scalar_type());
    auto merged = at::empty(rows.sizes(), wide);
    base_->fill(merged, slice);
    auto a = factor(slice.name, kLoraA), b = factor(slice.name, kLoraB);
    if (!slice.offset.empty()) {
      b = b.narrow(0, slice.offset[0], rows.size(0));
      a = a.narrow(1, slice.offset[1], rows.size(1));
    }
    rows.copy_(merged.addmm_(b.to(wide), a.to(wide), 1.0, scale_));
  }
  std::int64_t bytes_read() const override { return base_->bytes_read(); }

 private:
  static std::string factor_name(const std::string& weight, const char* end) {
    const std::string kind = ".weight";
    return weight.ends_with(kind)
               ? kPeftPrefix + weight.substr(0, weight.size() - kind.size()) + end
               : std::string();
  }
  bool is_adapted(const std::string& weight) const {
    return adapters_.contains(factor_name(weight, kLoraA));
  }
  const at::Tensor& factor(const std::string& weight, const char* end) const {
    return adapters_.at(factor_name(weight, end));
  }

  std::unique_ptr<WeightSource> base_;
  double scale_;
  AdapterTensors adapters_;
};

/// What would make the adapters more than W + scale * B A of one rank.
void refuse_other_forms(const ConfigKeys& keys) {
  keys.expect("peft_type", "LORA");
  keys.expect("bias", "none");
  keys.expect("lora_bias", false);
  keys.expect("fan_in_fan_out", false);
  keys.expect("use_dora", false);
  keys.expect("use_qalora", false);
  for (const char* key : {"alora_invocation_tokens", "arrow_config", "layer_replication",
                          "kasa_config", "monteclora_config", "velora_config"})
    keys.expect(key, nlohmann::json());
  keys.expect("use_bdlora", false);
  for (const char* key : {"rank_pattern", "alpha_pattern"})
    keys.expect(key, nlohmann::json::object());
  for (const char* key : {"modules_to_save", "target_parameters", "trainable_token_indices"})
    if (keys.has(key) && !keys.json()[key].empty())
      throw base::InputError(fmt::format("{}: '{}' = {} is not supported: expected null",
                                         keys.file(), key, keys.json()[key].dump()));
  // PiSSA, OLoRA and others subtract the first B A from the base.
  if (keys.has("init_lora_weights")) {
    const auto& first = keys.json()["init_lora_weights"];
    if (!first.is_boolean() && first != "gaussian" && first != "orthogonal")
      throw base::InputError(
          fmt::format("{}: 'init_lora_weights' = {} is not supported: expected true", keys.file(),
                      first.dump()));
  }
}

}  // namespace

bool is_peft_folder(const std::string& path) {
  return !path.empty() && fs::exists(fs::path(path) / kPeftConfigFile) &&
         !fs::exists(fs::path(path) / "config.json");
}

nlohmann::json peft_config(const LoraOptions& lora, const std::string& base) {
  auto config = nlohmann::json{{"peft_type", "LORA"},
                               {"task_type", "CAUSAL_LM"},
                               {"r", lora.r},
                               {"use_rslora", lora.use_rslora},
                               {"target_modules", lora.target_modules},
                               {"lora_dropout", 0.0},
                               {"bias", "none"},
                               {"fan_in_fan_out", false},
                               {"inference_mode", true},
                               {"init_lora_weights", true}};
  if (lora.lora_alpha == std::floor(lora.lora_alpha))
    config["lora_alpha"] = static_cast<std::int64_t>(lora.lora_alpha);
  else
    config["lora_alpha"] = lora.lora_alpha;
  config["base_model_name_or_path"] =
      base.empty() ? nlohmann::json() : nlohmann::json(fs::absolute(base).string());
  return config;
}

PeftConfig read_peft_config(const nlohmann::json& config, const std::string& file,
                            const std::string& folder) {
  if (!config.is_object()) throw base::InputError(fmt::format("{}: not a JSON object", file));
  const ConfigKeys keys(config, file);
  refuse_other_forms(keys);
  PeftConfig peft;
  peft.lora.r = keys.size("r");
  peft.lora.lora_alpha = keys.required<double>("lora_alpha");
  peft.lora.use_rslora = keys.optional("use_rslora", false);
  if (peft.lora.r < 1)
    throw base::InputError(
        fmt::format("{}: key 'r': expected 1 or more, found {}", file, peft.lora.r));
  peft.base =
      existing_base(keys.optional<std::string>("base_model_name_or_path", ""), file, folder);
  return peft;
}

PeftConfig read_peft_config(const std::string& folder) {
  const auto file = (fs::path(folder) / kPeftConfigFile).string();
  return read_peft_config(base::parse_json(base::read_file(file), file), file, folder);
}

std::string text_folder(const std::string& path) {
  if (!is_peft_folder(path) || fs::exists(fs::path(path) / "tokenizer.json")) return path;
  return text_folder(read_peft_config(path).base);
}

ModelFiles adapted_model(ModelFiles base, const LoraOptions& lora, AdapterTensors adapters,
                         const std::string& where) {
  check_factors(*base.weights, lora, adapters, where);
  base.weights =
      std::make_unique<AdaptedSource>(std::move(base.weights), lora.scale(), std::move(adapters));
  return base;
}

ModelFiles open_peft_model(const std::string& folder) {
  const auto peft = read_peft_config(folder);
  const auto file = (fs::path(folder) / kPeftWeightsFile).string();
  return adapted_model(open_model(peft.base), peft.lora, read_safetensors_file(file), file);
}

}  // namespace r1::models
