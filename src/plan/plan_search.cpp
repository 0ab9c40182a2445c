#include "plan/plan_search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <type_traits>

#include "plan/plan_memory.h"

namespace r1::plan {
namespace {

/// One change of a configuration that costs time or nothing and saves memory. `apply` says whether
/// it changed anything.
struct Lever {
  std::string setting;
  std::function<bool(Config&)> apply;
};

template <class T>
bool assign(T& value, const T& wanted) {
  const bool changes = value != wanted;
  value = wanted;
  return changes;
}

template <class T>
bool lower(T& value, std::type_identity_t<T> wanted) {
  const bool changes = value > wanted;
  value = std::min(value, wanted);
  return changes;
}

/// In the order in which they are tried, the cheapest first.
std::vector<Lever> levers(bool offload) {
  std::vector<Lever> list{
      {"trainer.zero_stage=1",
       [](Config& config) {
         return config.trainer.zero_stage == 0 &&
                assign(config.trainer.zero_stage, std::int64_t{1});
       }},
      {"trainer.activation_checkpointing=selective",
       [](Config& config) {
         return config.trainer.activation_checkpointing == "none" &&
                assign(config.trainer.activation_checkpointing, std::string("selective"));
       }},
      {"trainer.activation_checkpointing=full",
       [](Config& config) {
         return config.trainer.activation_checkpointing != "offload" &&
                assign(config.trainer.activation_checkpointing, std::string("full"));
       }},
      {"trainer.sequence_parallel=true",
       [](Config& config) {
         return config.roles.policy.train.tp > 1 && assign(config.trainer.sequence_parallel, true);
       }},
      {"trainer.micro_batch_tokens=4096",
       [](Config& config) { return lower(config.trainer.micro_batch_tokens, 4096); }},
      {"trainer.score_batch_tokens=8192",
       [](Config& config) { return lower(config.trainer.score_batch_tokens, 8192); }},
      {"engine.gpu_memory_utilization=0.7",
       [](Config& config) { return lower(config.engine.gpu_memory_utilization, 0.7); }},
      {"engine.gpu_memory_utilization=0.5",
       [](Config& config) { return lower(config.engine.gpu_memory_utilization, 0.5); }},
      {"engine.max_num_seqs=64",
       [](Config& config) { return lower(config.engine.max_num_seqs, 64); }},
      {"engine.max_num_seqs=16",
       [](Config& config) { return lower(config.engine.max_num_seqs, 16); }},
      {"engine.max_num_seqs=4",
       [](Config& config) { return lower(config.engine.max_num_seqs, 4); }},
      {"trainer.zero_stage=2",
       [](Config& config) { return assign(config.trainer.zero_stage, std::int64_t{2}); }},
      {"trainer.gradient_dtype=bf16", [](Config& config) {
         return config.trainer.gradient_dtype == "fp32" &&
                assign(config.trainer.gradient_dtype, std::string("bf16"));
       }}};
  if (offload) {
    list.push_back({"trainer.offload=both", [](Config& config) {
                      return assign(config.trainer.offload, std::string("both"));
                    }});
    list.push_back({"trainer.activation_checkpointing=offload", [](Config& config) {
                      return assign(config.trainer.activation_checkpointing,
                                    std::string("offload"));
                    }});
  }
  return list;
}

bool fits(const Plan& plan, double share) {
  return plan.fits() && plan.most_bytes() <= share * plan.machine.memory();
}

/// All roles on the policy's ranks, split alike.
Layout shared_layout(const Config& asked, std::int64_t tp, std::int64_t ep) {
  Layout layout{asked, {}, {}};
  config::RolesOptions& roles = layout.config.roles;
  const auto set_mesh = [&](const char* name, config::RoleOptions& role) {
    role.ranks = -1;
    role.train = {tp, ep, 0};
    role.generate = {0, 1, 0};
    layout.settings.push_back(fmt::format("roles.{}.train.tp={}", name, tp));
    if (ep > 1) layout.settings.push_back(fmt::format("roles.{}.train.ep={}", name, ep));
  };
  set_mesh("policy", roles.policy);
  for (auto& [name, role] :
       {std::pair<const char*, config::RoleOptions*>{"reference", &roles.reference},
        {"reward", &roles.reward},
        {"teacher", &roles.teacher}}) {
    role->share_with = "policy";
    set_mesh(name, *role);
  }
  return layout;
}

/// Splits (tp, ep) of `ranks` that models and nodes allow.
std::vector<std::pair<std::int64_t, std::int64_t>> splits(const Config& config,
                                                          std::int64_t ranks) {
  const models::ModelShape& shape = config.model.shape;
  const std::int64_t experts = std::max<std::int64_t>(1, shape.experts.num_experts);
  const auto divides_heads = [&shape](std::int64_t tp) {
    const std::int64_t kv = shape.kv_heads();
    return shape.num_attention_heads % tp == 0 &&
           (shape.has_latent_attention() || kv % tp == 0 || tp % kv == 0);
  };
  std::vector<std::pair<std::int64_t, std::int64_t>> result;
  for (std::int64_t tp = 1; tp <= std::min(ranks, config.plan.gpus_per_node); tp *= 2)
    for (std::int64_t ep = 1; tp * ep <= ranks && (ep == 1 || tp * ep <= experts); ep *= 2)
      if (ranks % (tp * ep) == 0 && divides_heads(tp) && (experts == 1 || experts % (tp * ep) == 0))
        result.emplace_back(tp, ep);
  return result;
}

/// Adds a setting, in place of an earlier one of the same key.
void add_setting(std::vector<std::string>& settings, const std::string& setting) {
  const std::string key = setting.substr(0, setting.find('=') + 1);
  std::erase_if(settings, [&key](const std::string& other) { return other.starts_with(key); });
  settings.push_back(setting);
}

/// Whether `a` is to be taken before `b`: what fits, of that the fastest; else what is nearest.
bool is_better(const Layout& a, const Layout& b) {
  if (a.fits != b.fits) return a.fits;
  return a.fits ? a.plan.time.seconds() < b.plan.time.seconds()
                : a.plan.most_bytes() < b.plan.most_bytes();
}

/// Pulls levers until the split fits, if it does; those that save nothing are left out.
void make_fit(Layout& layout, Stage stage, std::int64_t ranks, const SearchRules& rules) {
  layout.plan = make_plan(layout.config, stage, ranks);
  layout.fits = fits(layout.plan, rules.memory_share);
  for (const Lever& lever : levers(rules.offload)) {
    Config changed = layout.config;
    if (layout.fits || !lever.apply(changed)) continue;
    Plan plan = make_plan(changed, stage, ranks);
    if (plan.most_bytes() >= layout.plan.most_bytes()) continue;
    add_setting(layout.settings, lever.setting);
    layout.config = std::move(changed);
    layout.plan = std::move(plan);
    layout.fits = fits(layout.plan, rules.memory_share);
  }
}

/// Where roles share ranks nothing is scored while sampling goes on: a step may be one chunk.
std::vector<Layout> variants(const Config& config, Stage stage, std::int64_t tp, std::int64_t ep) {
  std::vector<Layout> list{shared_layout(config, tp, ep)};
  if (stage != Stage::Rl || config.rl.chunks == 1) return list;
  list.push_back(list.front());
  list.back().config.rl.chunks = 1;
  list.back().settings.emplace_back("rl.chunks=1");
  return list;
}

std::string describe(const Layout& layout, const char* what) {
  const Plan& plan = layout.plan;
  const RolePlan& policy = plan.roles.front();
  std::vector<std::string> settings;
  for (const std::string& setting : layout.settings) settings.push_back("--set " + setting);
  return fmt::format(
      "{}: {} ranks ({} nodes), tp {} ep {} dp {}, all roles on them: {:.1f} GB a rank{}\n    "
      "--world-size {} {}\n",
      what, plan.world_size,
      (plan.world_size + layout.config.plan.gpus_per_node - 1) / layout.config.plan.gpus_per_node,
      policy.tp, policy.ep, policy.dp, plan.most_bytes() / 1e9,
      plan.time.seconds() > 0.0 ? fmt::format(", {:.3g} s a step", plan.time.seconds()) : "",
      plan.world_size, fmt::join(settings, " "));
}

}  // namespace

Layout best_layout(const Config& config, Stage stage, std::int64_t ranks,
                   const SearchRules& rules) {
  std::optional<Layout> best;
  for (const auto& [tp, ep] : splits(config, ranks))
    for (Layout& layout : variants(config, stage, tp, ep)) {
      make_fit(layout, stage, ranks, rules);
      if (!best || is_better(layout, *best)) best = std::move(layout);
    }
  return std::move(*best);  // tp 1, ep 1 is always among the splits
}

std::optional<Layout> smallest_layout(const Config& config, Stage stage, const SearchRules& rules) {
  for (std::int64_t ranks = 1; ranks <= rules.most_ranks; ranks *= 2)
    if (Layout layout = best_layout(config, stage, ranks, rules); layout.fits) return layout;
  return std::nullopt;
}

std::string advice(const Config& config, const Plan& plan) {
  std::string text;
  for (const Lever& lever : levers(plan.machine.has_gpu())) {
    Config changed = config;
    if (plan.roles.empty() || !lever.apply(changed)) continue;
    const Plan other = make_plan(changed, plan.stage, plan.world_size);
    const double saved = plan.most_bytes() - other.most_bytes();
    if (saved > 0.01 * plan.most_bytes())
      text += fmt::format("would help: {} saves {:.1f} GB on the fullest rank\n", lever.setting,
                          saved / 1e9);
  }
  if (config.model.shape.empty()) return text;
  const auto smallest = smallest_layout(config, plan.stage);
  if (smallest) text += describe(*smallest, "smallest layout that fits");
  if (!plan.machine.has_gpu()) return text;
  const auto offloaded = smallest_layout(config, plan.stage, {1.0, true, 4096});
  if (offloaded && (!smallest || offloaded->plan.world_size < smallest->plan.world_size))
    text += describe(*offloaded, "with state and reference in host memory");
  if (!smallest && !offloaded) text += "nothing fits on up to 4096 ranks\n";
  return text;
}

}  // namespace r1::plan
