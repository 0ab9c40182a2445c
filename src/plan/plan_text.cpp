// The plan as a table for a terminal.
#include <fmt/format.h>

#include "plan/number_text.h"
#include "plan/plan.h"

namespace r1::plan {
namespace {

std::string item_line(const MemoryItem& item, bool has_gpu) {
  std::string where = item.phase.empty() ? "" : fmt::format("  during {}", item.phase);
  if (has_gpu && item.on_host) where += "  in host memory";
  return fmt::format("    {:<16}{:>10.3f} GB{}\n", item.kind, item.bytes / 1e9, where);
}

std::string role_text(const RolePlan& role, bool has_gpu) {
  const std::string context = role.cp > 1 ? fmt::format(" cp {}", role.cp) : "";
  std::string out =
      fmt::format("{:<16} ranks {}-{}  tp {}{} ep {} dp {}", role.role, role.first_rank,
                  role.first_rank + role.num_ranks - 1, role.tp, context, role.ep, role.dp);
  if (role.parameters > 0.0) out += fmt::format("  {} parameters", number_text(role.parameters));
  out += "\n";
  for (const MemoryItem& item : role.memory) out += item_line(item, has_gpu);
  return out;
}

std::string time_text(const StepTime& time, std::int64_t ranks) {
  if (time.seconds() <= 0.0) return "";
  std::string text = fmt::format("step: {}", duration_text(time.seconds()));
  const char* sign = "=";
  for (const auto& [name, seconds] : {std::pair<const char*, double>{"generate", time.generate},
                                      {"score", time.score},
                                      {"update", time.update},
                                      {"reduce gradients", time.reduce},
                                      {"gather weights", time.gather},
                                      {"optimizer", time.optimizer},
                                      {"synchronise weights", time.synchronise}}) {
    if (seconds <= 0.0) continue;
    text += fmt::format(" {} {} {}", sign, name, duration_text(seconds));
    sign = "+";
  }
  if (time.communication > 0.0)
    text += fmt::format(" (collectives of tp and ep: {} of it)", duration_text(time.communication));
  text += fmt::format("\n      {} tokens, {} tokens/s\n", number_text(time.tokens),
                      number_text(time.tokens / time.seconds()));
  const double seconds = time.steps * time.seconds();
  if (time.steps > 0.0)
    text += fmt::format("stage: {} steps, {}, {} rank-hours\n", number_text(time.steps),
                        duration_text(seconds),
                        number_text(seconds / 3600.0 * static_cast<double>(ranks)));
  return text;
}

std::string outside_text(const OutsideTime& time) {
  std::string text = fmt::format("start: {} = program {}", duration_text(time.program + time.load),
                                 duration_text(time.program));
  if (time.loaded_bytes > 0.0)
    text += fmt::format(" + load models {} ({} GB into all ranks)", duration_text(time.load),
                        number_text(time.loaded_bytes / 1e9));
  text += "\n";
  if (time.saved_bytes > 0.0)
    text += fmt::format("checkpoint: stall {}, written in {} ({} GB)\n", duration_text(time.stall),
                        duration_text(time.save), number_text(time.saved_bytes / 1e9));
  return text;
}

}  // namespace

std::string Plan::text() const {
  std::string out = fmt::format("{} on {} x {} ({:.0f} GB)\n", name_of(stage), world_size,
                                machine.name, machine.memory() / 1e9);
  for (const RolePlan& role : roles) out += role_text(role, machine.has_gpu());
  if (!roles.empty()) {
    out += "every rank\n";
    for (const MemoryItem& item : program) out += item_line(item, machine.has_gpu());
    out += fmt::format("fullest rank: {:.3f} GB of {:.0f}", most_bytes() / 1e9,
                       machine.memory() / 1e9);
    if (machine.has_gpu())
      out += fmt::format(", host memory {:.3f} GB of {:.0f}", most_bytes(true) / 1e9,
                         machine.host_memory() / 1e9);
    out += "\n";
  }
  out += time_text(time, world_size);
  if (!roles.empty()) out += outside_text(outside);
  for (const std::string& note : notes) out += "note: " + note + "\n";
  for (const std::string& misfit : misfits) out += "does not fit: " + misfit + "\n";
  return out;
}

}  // namespace r1::plan
