#include "checkpoint/catalog.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "checkpoint/agree.h"
#include "checkpoint/kill_point.h"
#include "checkpoint/posix_file.h"
#include "checkpoint/reader.h"
#include "parallel/local_communicator.h"

namespace r1::checkpoint {
namespace {

namespace fs = std::filesystem;
constexpr const char* kPrefix = "step-";
constexpr const char* kBestName = "best.json";

std::optional<std::int64_t> parse_step(const std::string& text) {
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error != std::errc() || end != text.data() + text.size() || step < 0) return std::nullopt;
  return step;
}

std::string path_of(const std::string& folder, std::int64_t step) {
  return (fs::path(folder) / checkpoint_name(step)).string();
}

// Why the checkpoint is refused, or nothing. Collective.
std::optional<std::string> refusal(const std::string& path, parallel::Communicator& communicator) {
  try {
    all_or_none(communicator, "verify checkpoint",
                [&] { verify_checkpoint(path, communicator.rank(), communicator.size()); });
    return std::nullopt;
  } catch (const base::Error& error) {
    return error.what();
  }
}

// Rank 0's view, so that all ranks try the same steps.
std::vector<std::int64_t> shared_steps(const std::string& folder,
                                       parallel::Communicator& communicator) {
  std::string text;
  all_or_none(communicator, "list checkpoints", [&] {
    if (communicator.rank() == 0) text = nlohmann::json(list_steps(folder)).dump();
  });
  return nlohmann::json::parse(broadcast_bytes(communicator, text, 0, "list checkpoints"));
}

std::int64_t best_step(const std::string& folder, parallel::Communicator& communicator) {
  std::string text;
  all_or_none(communicator, "best checkpoint", [&] {
    if (communicator.rank() != 0) return;
    const auto best = best_checkpoint(folder);
    if (!best) throw base::InputError(fmt::format("{}: no checkpoint is marked best", folder));
    text = std::to_string(best->step);
  });
  return *parse_step(broadcast_bytes(communicator, text, 0, "best checkpoint"));
}

std::string describe(const std::vector<Refusal>& refused) {
  std::string text;
  for (const auto& item : refused) text += fmt::format("; refused {}: {}", item.path, item.reason);
  return text;
}

}  // namespace

std::string checkpoint_name(std::int64_t step) {
  return fmt::format("{}{:08d}", kPrefix, step);
}

std::vector<std::int64_t> list_steps(const std::string& folder) {
  std::vector<std::int64_t> steps;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.rfind(kPrefix, 0) != 0) continue;
    const auto step = parse_step(name.substr(std::string(kPrefix).size()));
    if (step && name == checkpoint_name(*step)) steps.push_back(*step);
  }
  if (error && error != std::errc::no_such_file_or_directory)
    throw_file_error(folder, "cannot list", error.value());
  std::sort(steps.begin(), steps.end());
  return steps;
}

Selection newest_valid(const std::string& folder, parallel::Communicator& communicator) {
  auto steps = shared_steps(folder, communicator);
  Selection selection;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    const auto path = path_of(folder, *step);
    const auto reason = refusal(path, communicator);
    if (!reason) {
      selection.step = *step;
      selection.path = path;
      return selection;
    }
    if (communicator.rank() == 0) base::log_warning("checkpoint {} refused: {}", path, *reason);
    selection.refused.push_back({path, *reason});
  }
  return selection;
}

std::string select_checkpoint(const std::string& folder, const std::string& which,
                              parallel::Communicator& communicator) {
  if (which == "latest") {
    const auto selection = newest_valid(folder, communicator);
    if (!selection.step)
      throw base::InputError(
          fmt::format("{}: no valid checkpoint{}", folder, describe(selection.refused)));
    return selection.path;
  }
  const auto step = which == "best" ? best_step(folder, communicator) : parse_step(which);
  if (!step)
    throw base::InputError(fmt::format(
        "{}: checkpoint '{}': expected latest, best or the number of a step", folder, which));
  const auto path = path_of(folder, *step);
  if (const auto reason = refusal(path, communicator))
    throw base::InputError(
        fmt::format("{}: checkpoint '{}' is not valid: {}", folder, which, *reason));
  return path;
}

void mark_best(const std::string& folder, std::int64_t step, double value) {
  base::write_file_atomically((fs::path(folder) / kBestName).string(),
                              nlohmann::json{{"step", step}, {"value", value}}.dump() + "\n");
}

std::optional<BestCheckpoint> best_checkpoint(const std::string& folder) {
  const auto path = (fs::path(folder) / kBestName).string();
  if (!fs::exists(path)) return std::nullopt;
  try {
    const auto document = nlohmann::json::parse(base::read_file(path));
    return BestCheckpoint{document.at("step"), document.at("value")};
  } catch (const nlohmann::json::exception& error) {
    throw base::InputError(
        fmt::format("{}: expected {{\"step\": N, \"value\": X}}: {}", path, error.what()));
  }
}

std::vector<std::int64_t> prune_plan(const std::vector<std::int64_t>& steps,
                                     const PruneRules& rules, std::optional<std::int64_t> best,
                                     std::int64_t valid) {
  const auto keep = std::min(static_cast<std::int64_t>(steps.size()), rules.keep_last);
  std::vector<std::int64_t> plan;
  std::copy_if(steps.begin(), steps.end() - keep, std::back_inserter(plan), [&](std::int64_t step) {
    const bool nth = rules.keep_every > 0 && step % rules.keep_every == 0;
    return !nth && step != best && step != valid;
  });
  return plan;
}

std::vector<std::int64_t> prune(const std::string& folder, const PruneRules& rules,
                                std::optional<std::int64_t> known_valid) {
  if (!known_valid) {
    parallel::LocalCommunicator alone;
    known_valid = newest_valid(folder, alone).step;
  }
  if (!known_valid) return {};
  const auto best = best_checkpoint(folder);
  const auto plan = prune_plan(list_steps(folder), rules,
                               best ? std::optional(best->step) : std::nullopt, *known_valid);
  for (const auto step : plan) delete_checkpoint(folder, step);
  return plan;
}

std::vector<std::int64_t> remove_finished(const std::string& folder, std::int64_t keep_every) {
  constexpr std::int64_t kNone = -1;
  const auto plan = prune_plan(list_steps(folder), {0, keep_every}, std::nullopt, kNone);
  for (const auto step : plan) delete_checkpoint(folder, step);
  const auto best = best_checkpoint(folder);
  if (best && std::find(plan.begin(), plan.end(), best->step) != plan.end())
    fs::remove(fs::path(folder) / kBestName);
  return plan;
}

void remove_leftovers(const std::string& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    const auto extension = entry.path().extension();
    if (name.rfind(fmt::format(".{}", kPrefix), 0) == 0 &&
        (extension == ".partial" || extension == ".deleting"))
      found.push_back(entry.path());
  }
  for (const auto& path : found) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error)
      base::log_warning("{}: left by an interrupted save, cannot be removed: {}", path.string(),
                        error.message());
    else
      base::log_info("{}: left by an interrupted save, removed", path.string());
  }
}

void delete_checkpoint(const std::string& folder, std::int64_t step) {
  const auto hidden = (fs::path(folder) / fmt::format(".{}.deleting", checkpoint_name(step)));
  std::error_code error;
  fs::remove_all(hidden, error);
  fs::rename(path_of(folder, step), hidden, error);
  if (error) throw_file_error(path_of(folder, step), "cannot delete", error.value());
  delete_tree(hidden.string(), step);
}

void delete_tree(const std::string& path, std::int64_t step) {
  std::error_code error;
  const fs::directory_iterator first(path, error);
  if (!error && first != fs::directory_iterator()) fs::remove_all(first->path(), error);
  test_kill_point("while-pruning", step);
  fs::remove_all(path, error);
  if (error) throw_file_error(path, "cannot delete", error.value());
}

}  // namespace r1::checkpoint
