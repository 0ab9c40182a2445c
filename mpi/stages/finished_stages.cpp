#include "stages/finished_stages.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "checkpoint/catalog.h"
#include "commands/commands.h"
#include "model_path.h"
#include "stages/distillation_epochs.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

bool uses_any(std::span<const StageSetup> stages, const std::string& folder) {
  return std::any_of(stages.begin(), stages.end(),
                     [&](const StageSetup& stage) { return uses_models_of(stage.config, folder); });
}

/// Run folders of a stage: several students have folders of their own in the stage's.
std::vector<std::string> run_folders(const StageSetup& stage) {
  std::vector<std::string> folders{stage.folder};
  for (const auto& student : stage.config.distill.students)
    folders.push_back(stage.folder + "/" + student.name);
  return folders;
}

std::vector<std::string> model_folders(const StageSetup& stage) {
  std::vector<std::string> folders{stage.model_folder};
  for (const auto& student : stage.config.distill.students)
    folders.push_back(stage.students_folder + "/" + student.name);
  for (const auto& run_folder : run_folders(stage)) {
    if (!fs::exists(run_folder)) continue;
    for (const auto& entry : fs::directory_iterator(run_folder))
      if (entry.path().filename().string().starts_with(kEpochFolder))
        folders.push_back(entry.path().string());
  }
  return folders;
}

/// config.json's name of the dtype; empty: no model in the folder.
std::string dtype_of(const std::string& folder) {
  const auto file = folder + "/config.json";
  if (!fs::exists(file)) return {};
  const auto config = base::parse_json(base::read_file(file), file);
  return config.value("torch_dtype", config.value("dtype", std::string()));
}

/// A folder beside `folder`, hidden.
std::string beside(const std::string& folder, const char* what) {
  const fs::path path(folder);
  return (path.parent_path() / fmt::format(".{}.{}", path.filename().string(), what)).string();
}

/// Replaces the model of a folder. A start that is killed in between leaves the model under its
/// name or as `.NAME.before`, which the next call puts back.
void rewrite_in_bf16(const std::string& folder) {
  const auto partial = beside(folder, "partial"), before = beside(folder, "before");
  fs::remove_all(partial);
  CommandLine convert;
  convert.input = folder;
  convert.output = partial;
  convert.dtype = "bf16";
  convert_command(convert);
  fs::rename(folder, before);
  fs::rename(partial, folder);
  base::sync_folder(fs::path(folder).parent_path().string());
  fs::remove_all(before);
}

}  // namespace

bool is_done(const StageSetup& stage) {
  return fs::exists(stage.folder + "/done");
}

void mark_done(const StageSetup& stage, double seconds) {
  base::write_file_atomically(stage.folder + "/done",
                              nlohmann::json{{"seconds", seconds}}.dump() + "\n");
}

void remove_checkpoints(const StageSetup& done, std::span<const StageSetup> open) {
  if (uses_any(open, done.folder)) return;
  std::size_t num_removed = 0;
  for (const auto& folder : run_folders(done))
    num_removed +=
        checkpoint::remove_finished(folder + "/checkpoints", done.config.checkpoint.keep_every)
            .size();
  if (num_removed > 0)
    base::log_info("{}: done; {} checkpoints deleted, its model is in {}", done.name, num_removed,
                   done.model_folder);
}

void narrow_models(const StageSetup& done, std::span<const StageSetup> open) {
  for (const auto& folder : model_folders(done)) {
    if (!fs::exists(folder) && fs::exists(beside(folder, "before")))
      fs::rename(beside(folder, "before"), folder);
    const auto found = dtype_of(folder);
    if (found.empty() || found == hugging_face_dtype(at::kBFloat16) || uses_any(open, folder))
      continue;
    rewrite_in_bf16(folder);
  }
}

}  // namespace r1::mpi
