#include "model_path.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/errors.h"
#include "checkpoint/agree.h"
#include "checkpoint/catalog.h"
#include "checkpoint/pin.h"
#include "parallel/local_communicator.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

/// The folder of checkpoints and which of them a path means.
struct Choice {
  std::string checkpoints, which;
};

fs::path without_trailing_slash(const std::string& path) {
  const fs::path given(path);
  return given.has_filename() ? given : given.parent_path();
}

/// No checkpoints: `path` is not about a run.
Choice read_path(const std::string& path) {
  const auto given = without_trailing_slash(path);
  if (path.empty() || fs::exists(given / "config.json") || fs::exists(given / "MANIFEST.json"))
    return {};
  if (fs::is_directory(given / "checkpoints")) return {(given / "checkpoints").string(), "latest"};
  const auto checkpoints = given.parent_path() / "checkpoints";
  if (given.parent_path().empty() || fs::exists(given) || !fs::is_directory(checkpoints)) return {};
  return {checkpoints.string(), given.filename().string()};
}

std::string describe_steps(const std::string& checkpoints) {
  const auto steps = checkpoint::list_steps(checkpoints);
  if (steps.empty()) return "there is no checkpoint";
  std::string text = fmt::format("there are steps {}", fmt::join(steps, ", "));
  if (const auto best = checkpoint::best_checkpoint(checkpoints))
    text += fmt::format(" (best: {})", best->step);
  return text;
}

/// Every text of a configuration that says where a model is.
std::vector<std::string*> model_paths(config::Config& config) {
  std::vector<std::string*> paths;
  for (auto* model : {&config.model, &config.reference, &config.teacher, &config.reward_model,
                      &config.classifier}) {
    paths.push_back(&model->path);
    paths.push_back(&model->tokenizer);
  }
  for (auto& model : config.rewards.models) {
    paths.push_back(&model.path);
    paths.push_back(&model.tokenizer);
  }
  for (auto& model : config.evaluate.models) paths.push_back(&model.path);
  for (auto& student : config.distill.students) paths.push_back(&student.path);
  return paths;
}

}  // namespace

bool model_exists(const std::string& path) {
  return !path.empty() && (fs::exists(path) || !read_path(path).checkpoints.empty());
}

std::string find_model(const std::string& path, parallel::Communicator& communicator) {
  // Rank 0's view of the file system counts: no rank may take another branch.
  Choice choice;
  checkpoint::all_or_none(communicator, "looking for a run's model", [&] {
    if (communicator.rank() == 0) choice = read_path(path);
  });
  choice.checkpoints =
      checkpoint::broadcast_bytes(communicator, choice.checkpoints, 0, "checkpoints of a run");
  choice.which = checkpoint::broadcast_bytes(communicator, choice.which, 0, "checkpoint of a run");
  if (choice.checkpoints.empty()) return path;
  try {
    return checkpoint::select_checkpoint(choice.checkpoints, choice.which, communicator);
  } catch (const base::InputError& error) {
    throw base::InputError(
        fmt::format("model '{}': {}; {}", path, error.what(), describe_steps(choice.checkpoints)));
  }
}

std::string find_model(const std::string& path) {
  parallel::LocalCommunicator alone;
  return find_model(path, alone);
}

void find_models(config::Config& config, std::map<std::string, std::string>& known,
                 const std::string& pin_folder, parallel::Communicator& communicator) {
  for (auto* path : model_paths(config)) {
    if (path->empty()) continue;
    const auto earlier = known.find(*path);
    if (earlier != known.end()) {
      *path = earlier->second;
      continue;
    }
    const auto found = find_model(*path, communicator);
    if (found == *path) continue;
    std::string pinned;
    checkpoint::all_or_none(communicator, "keeping another run's checkpoint", [&] {
      if (communicator.rank() == 0) pinned = checkpoint::pin_checkpoint(found, pin_folder);
    });
    pinned = checkpoint::broadcast_bytes(communicator, pinned, 0, "kept checkpoint");
    known[*path] = pinned;
    *path = pinned;
  }
}

bool uses_models_of(config::Config config, const std::string& folder) {
  const auto whole = fs::weakly_canonical(without_trailing_slash(folder));
  const auto paths = model_paths(config);
  return std::any_of(paths.begin(), paths.end(), [&](const std::string* path) {
    if (path->empty()) return false;
    const auto found = fs::weakly_canonical(*path);
    return std::mismatch(whole.begin(), whole.end(), found.begin(), found.end()).first ==
           whole.end();
  });
}

}  // namespace r1::mpi
