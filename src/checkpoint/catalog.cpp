#include "checkpoint/catalog.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

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
constexpr const char* kRunName = "run.json";
constexpr const char* kGoodName = "good.json";

std::optional<std::int64_t> parse_step(const std::string& text) {
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error != std::errc() || end != text.data() + text.size() || step < 0) return std::nullopt;
  return step;
}

std::string path_of(const std::string& folder, std::int64_t step) {
  return (fs::path(folder) / checkpoint_name(step)).string();
}

// A folder's name and place say nothing by themselves: the manifest must agree.
void check_place(const std::string& folder, std::int64_t step) {
  const auto path = path_of(folder, step);
  const auto identity = Manifest::read(path).identity;
  if (identity.step != step)
    throw base::InputError(fmt::format(
        "{}: is the checkpoint of step {}: its folder was renamed or copied", path, identity.step));
  const auto run = run_of(folder);
  if (run && !identity.run.empty() && identity.run != *run)
    throw base::InputError(fmt::format("{}: is a checkpoint of run {}, expected one of run {}",
                                       path, identity.run, *run));
}

// Why the checkpoint is refused, or nothing. Collective.
std::optional<std::string> refusal(const std::string& folder, std::int64_t step,
                                   parallel::Communicator& communicator) {
  const auto path = path_of(folder, step);
  try {
    all_or_none(communicator, "verify checkpoint", [&] {
      if (communicator.rank() == 0) check_place(folder, step);
      verify_checkpoint(path, communicator.rank(), communicator.size());
    });
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

std::optional<std::int64_t> marked_good(const std::string& folder) {
  const auto path = (fs::path(folder) / kGoodName).string();
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  const auto document = nlohmann::json::parse(base::read_file(path), nullptr, false);
  if (!document.is_object() || !document.contains("step") || !document["step"].is_number_integer())
    return std::nullopt;
  return document["step"].get<std::int64_t>();
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

std::optional<std::string> run_of(const std::string& folder) {
  const auto path = (fs::path(folder) / kRunName).string();
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::nullopt;
  const auto document = nlohmann::json::parse(base::read_file(path), nullptr, false);
  const auto run = document.is_object() ? document.find("run") : document.end();
  if (document.is_object() && run != document.end() && run->is_string())
    return run->get<std::string>();
  base::log_warning(
      "{}: expected {{\"run\": \"...\"}}: it is written again with the next checkpoint", path);
  return std::nullopt;
}

std::string require_run(const std::string& folder) {
  if (const auto run = run_of(folder)) return *run;
  std::string run;
  const auto steps = list_steps(folder);
  for (auto step = steps.rbegin(); run.empty() && step != steps.rend(); ++step) {
    try {
      run = Manifest::read(path_of(folder, *step)).identity.run;
    } catch (const base::Error&) {  // a damaged one says nothing
    }
  }
  std::random_device random;
  if (run.empty()) run = fmt::format("{:08x}{:08x}", random(), random());
  base::write_file_atomically((fs::path(folder) / kRunName).string(),
                              nlohmann::json{{"run", run}}.dump() + "\n", base::FileOf::Run);
  return run;
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
    const auto reason = refusal(folder, *step, communicator);
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
  if (const auto reason = refusal(folder, *step, communicator))
    throw base::InputError(
        fmt::format("{}: checkpoint '{}' is not valid: {}", folder, which, *reason));
  return path;
}

void mark_best(const std::string& folder, std::int64_t step, double value) {
  base::write_file_atomically((fs::path(folder) / kBestName).string(),
                              nlohmann::json{{"step", step}, {"value", value}}.dump() + "\n",
                              base::FileOf::Run);
}

void mark_good(const std::string& folder, std::int64_t step) {
  base::write_file_atomically((fs::path(folder) / kGoodName).string(),
                              nlohmann::json{{"step", step}}.dump() + "\n", base::FileOf::Run);
}

std::optional<std::int64_t> newest_good(const std::string& folder) {
  auto steps = list_steps(folder);
  if (const auto marked = marked_good(folder);
      marked && std::find(steps.begin(), steps.end(), *marked) != steps.end())
    steps.push_back(*marked);  // looked at first
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    try {
      const auto identity = Manifest::read(path_of(folder, *step)).identity;
      if (identity.good && identity.step == *step) return *step;
    } catch (const base::Error&) {  // a damaged one is not good
    }
  }
  return std::nullopt;
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
                                     const PruneRules& rules, const std::set<std::int64_t>& kept) {
  const auto keep = std::min(static_cast<std::int64_t>(steps.size()), rules.keep_last);
  std::vector<std::int64_t> plan;
  std::copy_if(steps.begin(), steps.end() - keep, std::back_inserter(plan), [&](std::int64_t step) {
    const bool nth = rules.keep_every > 0 && step % rules.keep_every == 0;
    return !nth && !kept.contains(step);
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
  std::set<std::int64_t> kept{*known_valid};
  if (const auto best = best_checkpoint(folder)) kept.insert(best->step);
  if (const auto good = newest_good(folder)) kept.insert(*good);
  const auto plan = prune_plan(list_steps(folder), rules, kept);
  for (const auto step : plan) delete_checkpoint(folder, step);
  return plan;
}

std::vector<std::int64_t> remove_finished(const std::string& folder, std::int64_t keep_every) {
  const auto plan = prune_plan(list_steps(folder), {0, keep_every}, {});
  for (const auto step : plan) delete_checkpoint(folder, step);
  const auto best = best_checkpoint(folder);
  if (best && std::find(plan.begin(), plan.end(), best->step) != plan.end())
    fs::remove(fs::path(folder) / kBestName);
  return plan;
}

void remove_newer(const std::string& folder, std::int64_t step) {
  const auto best = best_checkpoint(folder);
  if (best && best->step > step) fs::remove(fs::path(folder) / kBestName);
  if (const auto good = marked_good(folder); good && *good > step)
    fs::remove(fs::path(folder) / kGoodName);
  const auto steps = list_steps(folder);
  for (auto newer = steps.rbegin(); newer != steps.rend() && *newer > step; ++newer) {
    base::log_warning("{}: deleted: the run goes back to step {}", path_of(folder, *newer), step);
    delete_checkpoint(folder, *newer);
  }
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
