#include "plan/plan_search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <type_traits>

#include "config/judges.h"
#include "config/option_tree.h"
#include "config/stage_roles.h"
#include "plan/number_text.h"
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

/// The policy's context axis, and that of the roles that are split as the policy on its ranks.
bool assign_context(Config& config, std::int64_t cp, std::int64_t ranks) {
  config::RolesOptions& roles = config.roles;
  const config::MeshOptions before = roles.policy.train;
  if (before.cp >= cp || ranks % (before.tp * before.ep * cp) != 0) return false;
  for (config::RoleOptions* role : {&roles.policy, &roles.reference, &roles.teacher}) {
    const config::MeshOptions& mesh = role->train;
    const bool alike = mesh.tp == before.tp && mesh.ep == before.ep && mesh.cp == before.cp;
    if (role == &roles.policy || (alike && role->share_with == "policy")) role->train.cp = cp;
  }
  return true;
}

/// For `ranks` ranks, in the order in which they are tried, the cheapest first.
std::vector<Lever> levers(bool offload, std::int64_t ranks) {
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
      {"trainer.gradient_dtype=bf16",
       [](Config& config) {
         return config.trainer.gradient_dtype == "fp32" &&
                assign(config.trainer.gradient_dtype, std::string("bf16"));
       }},
      {"trainer.zero_stage=3",
       [](Config& config) { return assign(config.trainer.zero_stage, std::int64_t{3}); }}};
  for (const std::int64_t cp : {2, 4, 8})
    list.push_back({fmt::format("roles.policy.train.cp={}", cp),
                    [=](Config& config) { return assign_context(config, cp, ranks); }});
  if (offload) {
    for (const char* what : {"optimizer", "both"})
      list.push_back({fmt::format("trainer.offload={}", what), [what](Config& config) {
                        const bool shares_out = config.trainer.shares_out_weights();
                        return shares_out == (what == std::string("optimizer")) &&
                               assign(config.trainer.offload, std::string(what));
                      }});
    list.push_back({"trainer.activation_checkpointing=offload", [](Config& config) {
                      return assign(config.trainer.activation_checkpointing,
                                    std::string("offload"));
                    }});
  }
  return list;
}

/// Changes that cost memory and save time.
std::vector<Lever> time_levers() {
  std::vector<Lever> list;
  for (const char* kept : {"selective", "none"})
    list.push_back(
        {fmt::format("trainer.activation_checkpointing={}", kept), [kept](Config& config) {
           return assign(config.trainer.activation_checkpointing, std::string(kept));
         }});
  for (const std::int64_t tokens : {16384, 32768, 65536})
    list.push_back({fmt::format("trainer.micro_batch_tokens={}", tokens), [tokens](Config& config) {
                      return config.trainer.micro_batch_tokens < tokens &&
                             assign(config.trainer.micro_batch_tokens, tokens);
                    }});
  for (const std::int64_t sequences : {128, 256, 512, 1024})
    list.push_back({fmt::format("engine.max_num_seqs={}", sequences), [sequences](Config& config) {
                      return config.engine.max_num_seqs < sequences &&
                             assign(config.engine.max_num_seqs, sequences);
                    }});
  return list;
}

bool fits(const Plan& plan, double share) {
  return plan.fits() && plan.most_bytes() <= share * plan.machine.memory();
}

const std::vector<std::string> kOtherRoles{"reference", "reward", "teacher"};

/// All roles on the policy's ranks, split alike.
Layout shared_layout(const Config& asked, std::int64_t tp, std::int64_t ep) {
  Layout layout{asked, {}, {}};
  config::RolesOptions& roles = layout.config.roles;
  roles.generate_ranks = 0;
  for (config::RoleOptions* role :
       {&roles.policy, &roles.reference, &roles.reward, &roles.teacher}) {
    role->ranks = -1;
    const bool holds_model = role != &roles.reward ||
                             !config::judges(asked, asked.rewards).empty() ||
                             asked.classifier.used();
    role->train = holds_model ? config::MeshOptions{tp, ep, 0} : config::MeshOptions{};
    role->generate = {0, 1, 0};
    role->share_with = role == &roles.policy ? "" : "policy";
  }
  return layout;
}

/// The keys of `changed` that differ from `asked`, of the roles that the stage has.
std::vector<std::string> differences(const Config& asked, const Config& changed, Stage stage) {
  const auto before = config::flatten(config::option_tree(asked));
  const auto roles = config::stage_roles(asked, stage);
  std::vector<std::string> settings;
  for (const auto& [key, value] : config::flatten(config::option_tree(changed))) {
    const auto old = before.find(key);
    if (old != before.end() && old->second == value) continue;
    const bool is_absent =
        std::any_of(kOtherRoles.begin(), kOtherRoles.end(), [&](const std::string& role) {
          return key.starts_with("roles." + role + ".") &&
                 std::find(roles.begin(), roles.end(), role) == roles.end();
        });
    if (is_absent) continue;
    const bool is_text =
        value.size() > 2 && value.front() == '"' && value.find_first_of(" \\") == std::string::npos;
    settings.push_back(key + "=" + (is_text ? value.substr(1, value.size() - 2) : value));
  }
  return settings;
}

/// Splits (tp, ep) of `ranks` that models and nodes allow. Tensor groups of up to 8 may span small
/// nodes: some models' weights fit on no node of 4.
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
  const std::int64_t most = std::max<std::int64_t>(config.plan.gpus_per_node, 8);
  for (std::int64_t tp = 1; tp <= std::min(ranks, most); tp *= 2)
    for (std::int64_t ep = 1; tp * ep <= ranks && (ep == 1 || tp * ep <= experts); ep *= 2)
      if (ranks % (tp * ep) == 0 && divides_heads(tp) && (experts == 1 || experts % (tp * ep) == 0))
        result.emplace_back(tp, ep);
  return result;
}

/// Whether `a` is to be taken before `b`: what fits, of that the fastest; else what is nearest.
bool is_better(const Layout& a, const Layout& b) {
  if (a.fits != b.fits) return a.fits;
  return a.fits ? a.plan.time.seconds() < b.plan.time.seconds()
                : a.plan.most_bytes() < b.plan.most_bytes();
}

/// Pulls levers until the split fits, if it does; those that save nothing are left out. Time is
/// estimated of a layout that fits, whose weight transfers it counts box by box.
void make_fit(Layout& layout, Stage stage, std::int64_t ranks, const SearchRules& rules) {
  layout.plan = make_memory_plan(layout.config, stage, ranks);
  layout.fits = fits(layout.plan, rules.memory_share);
  for (const Lever& lever : levers(rules.offload, ranks)) {
    Config changed = layout.config;
    if (layout.fits || !lever.apply(changed)) continue;
    Plan plan = make_memory_plan(changed, stage, ranks);
    if (plan.most_bytes() >= layout.plan.most_bytes()) continue;
    layout.config = std::move(changed);
    layout.plan = std::move(plan);
    layout.fits = fits(layout.plan, rules.memory_share);
  }
  if (layout.fits) layout.plan = make_plan(layout.config, stage, ranks);
}

/// Where roles share ranks nothing is scored while sampling goes on: a step may be one chunk.
std::vector<Layout> variants(const Config& config, Stage stage, std::int64_t tp, std::int64_t ep) {
  std::vector<Layout> list{shared_layout(config, tp, ep)};
  if (stage != Stage::Rl || config.rl.chunks == 1) return list;
  list.push_back(list.front());
  list.back().config.rl.chunks = 1;
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
      plan.time.seconds() > 0.0 ? fmt::format(", {} a step", duration_text(plan.time.seconds()))
                                : "",
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
  best->settings = differences(config, best->config, stage);
  return std::move(*best);  // tp 1, ep 1 is always among the splits
}

std::optional<Layout> smallest_layout(const Config& config, Stage stage, const SearchRules& rules) {
  for (std::int64_t ranks = 1; ranks <= rules.most_ranks; ranks *= 2)
    if (Layout layout = best_layout(config, stage, ranks, rules); layout.fits) return layout;
  return std::nullopt;
}

std::string faster_layout(const Config& config, const Plan& plan) {
  constexpr double kWorthIt = 0.95, kRoom = 0.95;
  if (plan.roles.empty() || config.model.shape.empty() || plan.time.seconds() <= 0.0) return "";
  Layout best = best_layout(config, plan.stage, plan.world_size, {kRoom, false, 4096});
  if (!best.fits) return "";
  for (const Lever& lever : time_levers()) {
    Config changed = best.config;
    if (!lever.apply(changed)) continue;
    Plan other = make_plan(changed, plan.stage, plan.world_size);
    if (!fits(other, kRoom) || other.time.seconds() > 0.99 * best.plan.time.seconds()) continue;
    best.config = std::move(changed);
    best.plan = std::move(other);
  }
  if (best.plan.time.seconds() > kWorthIt * plan.time.seconds()) return "";
  best.settings = differences(config, best.config, plan.stage);
  return describe(best, "faster");
}

std::string advice(const Config& config, const Plan& plan) {
  std::string text;
  for (const Lever& lever : levers(plan.machine.has_gpu(), plan.world_size)) {
    Config changed = config;
    if (plan.roles.empty() || !lever.apply(changed)) continue;
    const Plan other = make_memory_plan(changed, plan.stage, plan.world_size);
    const double saved = plan.most_bytes() - other.most_bytes();
    if (saved > 0.01 * plan.most_bytes())
      text += fmt::format("would help: {} saves {:.1f} GB on the fullest rank\n", lever.setting,
                          saved / 1e9);
  }
  if (config.model.shape.empty() || config::stage_roles(config, plan.stage).empty()) return text;
  if (const auto same = best_layout(config, plan.stage, plan.world_size); same.fits)
    text += describe(same, "fits on these ranks");
  const auto smallest = smallest_layout(config, plan.stage);
  if (smallest && smallest->plan.world_size != plan.world_size)
    text += describe(*smallest, "smallest layout that fits");
  if (!plan.machine.has_gpu()) return text;
  const auto offloaded = smallest_layout(config, plan.stage, {1.0, true, 4096});
  if (offloaded && (!smallest || offloaded->plan.world_size < smallest->plan.world_size))
    text += describe(*offloaded, "with state and reference in host memory");
  if (!smallest && !offloaded) text += "nothing fits on up to 4096 ranks\n";
  return text;
}

}  // namespace r1::plan
