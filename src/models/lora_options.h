#pragma once
// The options of low-rank adapters (LoRA), with the names of PEFT's LoraConfig. Reference: Hu et
// al., arXiv 2106.09685; Kalajdzievski, arXiv 2312.03732 (use_rslora); PEFT 0.21
// tuners/lora/config.py.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/options.h"

namespace r1::models {

/// The adapters of a model. The weights of the base stay as they are, and the adapters are trained.
struct LoraOptions {
  std::int64_t r = 0;
  double lora_alpha = 8.0;
  bool use_rslora = false;
  std::vector<std::string> target_modules = modules();

  /// The projections that can have adapters, by their names in Hugging Face models.
  static std::vector<std::string> modules() {
    return {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  }

  /// Whether the model has adapters.
  bool used() const { return r > 0; }
  /// The factor of B A.
  double scale() const {
    const auto rank = static_cast<double>(r);
    return lora_alpha / (use_rslora ? std::sqrt(rank) : rank);
  }
  bool targets(const std::string& module) const {
    return used() &&
           std::find(target_modules.begin(), target_modules.end(), module) != target_modules.end();
  }

  void visit(base::OptionVisitor& v) {
    v("r", r,
      "rank of the adapters (LoRA, arXiv 2106.09685): B A of this rank is trained beside each "
      "weight, and the weights stay as they are; 0: no adapters, all weights are trained");
    v("lora_alpha", lora_alpha,
      "the adapters' output is multiplied by lora_alpha / r (arXiv 2106.09685, section 4.1)");
    v("use_rslora", use_rslora,
      "the factor is lora_alpha / sqrt(r), which suits high ranks (rsLoRA, arXiv 2312.03732)");
    v("target_modules", target_modules,
      "projections with adapters: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj "
      "(arXiv 2106.09685, section 7.1, compares choices); deepseek_v3: o_proj alone");
  }

  void check(const std::string& key, base::Problems& problems) const {
    constexpr std::int64_t kHighestRank = 1 << 13;
    problems.require(r >= 0 && r <= kHighestRank, key + ".r",
                     fmt::format("expected 0 to {}, found {}", kHighestRank, r));
    problems.require(lora_alpha > 0.0, key + ".lora_alpha",
                     fmt::format("expected > 0, found {:g}", lora_alpha));
    problems.require(!target_modules.empty(), key + ".target_modules",
                     "expected at least one projection");
    for (auto module = target_modules.begin(); module != target_modules.end(); ++module) {
      const auto known = modules();
      problems.require(
          std::find(known.begin(), known.end(), *module) != known.end(), key + ".target_modules",
          fmt::format("expected projections of {}, found \"{}\"", fmt::join(known, ", "), *module));
      problems.require(std::find(target_modules.begin(), module, *module) == module,
                       key + ".target_modules", fmt::format("\"{}\" comes twice", *module));
    }
  }
};

}  // namespace r1::models
