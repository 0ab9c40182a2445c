// checkpoint: what checkpoints a run has, whether they are whole, what they were made with; deletes
// old ones; exports one.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/errors.h"
#include "base/json.h"
#include "checkpoint/catalog.h"
#include "checkpoint/reader.h"
#include "commands/commands.h"
#include "parallel/local_communicator.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

std::string checkpoints_of(const std::string& folder) {
  const auto below = fs::path(folder) / "checkpoints";
  if (fs::is_directory(below)) return below.string();
  if (fs::is_directory(folder)) return folder;
  throw base::InputError(
      fmt::format("{}: expected a run folder or its folder of checkpoints, found {}", folder,
                  fs::exists(folder) ? "a file" : "nothing"));
}

/// The steps that a command is about: one, or all that are there.
std::vector<std::int64_t> chosen_steps(const std::string& folder, const std::string& which) {
  if (which.empty()) {
    auto steps = checkpoint::list_steps(folder);
    if (steps.empty()) throw base::InputError(folder + ": no checkpoint is there");
    return steps;
  }
  parallel::LocalCommunicator alone;
  const auto path = checkpoint::select_checkpoint(folder, which, alone);
  return {checkpoint::Manifest::read(path).identity.step};
}

std::string marks_of(const std::string& folder, const checkpoint::Identity& identity) {
  std::string marks = identity.good ? "good" : "after a skipped step";
  const auto best = checkpoint::best_checkpoint(folder);
  if (best && best->step == identity.step) marks += fmt::format(", best ({:.6g})", best->value);
  if (checkpoint::newest_good(folder) == identity.step) marks += ", to go back to";
  return marks;
}

/// Step, date, size, files and marks; a checkpoint that says nothing of itself says why.
void print_row(const std::string& folder, std::int64_t step) {
  const auto path = (fs::path(folder) / checkpoint::checkpoint_name(step)).string();
  try {
    const auto manifest = checkpoint::Manifest::read(path);
    std::uint64_t bytes = 0;
    for (const auto& file : manifest.files) bytes += file.size;
    fmt::print("{:>10}  {:<20}  {:>10.1f}  {:>5}  {}\n", step, manifest.identity.date,
               static_cast<double>(bytes) / 1e6, manifest.files.size(),
               marks_of(folder, manifest.identity));
  } catch (const base::Error& error) {
    fmt::print("{:>10}  {}\n", step, error.what());
  }
}

/// What a checkpoint was made with: program, ranks, configuration.
void print_details(const std::string& path) {
  const checkpoint::CheckpointReader reader(path);
  const auto& identity = reader.manifest().identity;
  fmt::print("step {} of run {}, seed {}, {}\n", identity.step, identity.run, identity.seed,
             identity.date);
  const auto names = reader.blob_names();
  for (const std::string name : {"versions", "rank_map"})
    if (std::find(names.begin(), names.end(), name) != names.end())
      fmt::print("{}: {}\n", name, reader.blob(name));
  fmt::print("{} tensors\n", reader.tensors().size());
  if (std::find(names.begin(), names.end(), "config") != names.end())
    fmt::print("{}\n", base::parse_json(reader.blob("config"), path + ": config").dump(2));
}

int list_checkpoints(const CommandLine& line, const std::string& folder) {
  const auto steps = chosen_steps(folder, line.which);
  fmt::print("{:>10}  {:<20}  {:>10}  {:>5}  {}\n", "step", "date (UTC)", "MB", "files", "");
  for (const auto step : steps) print_row(folder, step);
  if (!line.which.empty())
    print_details((fs::path(folder) / checkpoint::checkpoint_name(steps[0])).string());
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".partial" || entry.path().extension() == ".deleting")
      fmt::print("{}: left by a save that did not end; the next save removes it\n",
                 entry.path().string());
  return 0;
}

int verify_checkpoints(const CommandLine& line, const std::string& folder) {
  parallel::LocalCommunicator alone;
  int code = 0;
  const auto steps = line.which.empty() || line.which == "latest" || line.which == "best"
                         ? chosen_steps(folder, line.which)
                         : std::vector<std::int64_t>{std::strtoll(line.which.c_str(), nullptr, 10)};
  for (const auto step : steps) {
    try {
      checkpoint::select_checkpoint(folder, std::to_string(step), alone);
      fmt::print("{:>10}  whole\n", step);
    } catch (const base::Error& error) {
      code = static_cast<int>(base::ExitCode::BadInput);
      fmt::print("{:>10}  refused: {}\n", step, error.what());
    }
  }
  return code;
}

int prune_checkpoints(const CommandLine& line, const std::string& folder) {
  const auto deleted = checkpoint::prune(folder, {line.keep_last, line.keep_every});
  for (const auto step : deleted) fmt::print("{:>10}  deleted\n", step);
  if (deleted.empty()) fmt::print("nothing to delete\n");
  return 0;
}

int export_checkpoint(const CommandLine& line, const std::string& folder) {
  if (line.output.empty()) throw base::ConfigError("checkpoint export: --output DIR is missing");
  parallel::LocalCommunicator alone;
  CommandLine convert = line;
  convert.input =
      checkpoint::select_checkpoint(folder, line.which.empty() ? "latest" : line.which, alone);
  return convert_command(convert);
}

}  // namespace

int checkpoint_command(const CommandLine& line) {
  const auto folder = checkpoints_of(line.folder);
  if (line.action == "list") return list_checkpoints(line, folder);
  if (line.action == "verify") return verify_checkpoints(line, folder);
  if (line.action == "prune") return prune_checkpoints(line, folder);
  return export_checkpoint(line, folder);
}

}  // namespace r1::mpi
