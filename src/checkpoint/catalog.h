#pragma once
// The checkpoints of a run folder: which are there, which is the newest valid one, which to delete.
//
// <folder>/step-00000400/          published, complete
// <folder>/.step-00000400.partial  being written; never read, removed by the next save
// <folder>/.step-00000400.deleting being deleted; the same
// <folder>/best.json               step and value of the best checkpoint
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace r1::checkpoint {

/// "step-00000400".
std::string checkpoint_name(std::int64_t step);
/// Published steps, ascending; none when the folder does not exist.
std::vector<std::int64_t> list_steps(const std::string& folder);

struct Refusal {
  std::string path;
  std::string reason;
};
struct Selection {
  std::optional<std::int64_t> step;
  std::string path;
  std::vector<Refusal> refused;  // newer ones, newest first
};

/// The newest checkpoint of which every byte verifies. The ranks share the work and all get the
/// same answer; each refusal is logged. Collective over `communicator`.
Selection newest_valid(const std::string& folder, parallel::Communicator& communicator);

/// `which` is "latest", "best" or a step. Returns a folder that verifies.
/// Throws: base::InputError naming what was refused and why. Collective over `communicator`.
std::string select_checkpoint(const std::string& folder, const std::string& which,
                              parallel::Communicator& communicator);

/// Remembers the best checkpoint, which is never pruned. Called by one rank.
void mark_best(const std::string& folder, std::int64_t step, double value);
struct BestCheckpoint {
  std::int64_t step;
  double value;
};
/// Nothing when none was marked. Throws: base::InputError when the file is damaged.
std::optional<BestCheckpoint> best_checkpoint(const std::string& folder);

struct PruneRules {
  std::int64_t keep_last = 3;
  std::int64_t keep_every = 0;  // 0: none
};
/// The steps to delete, ascending: all but the last k, every nth, `best` and `valid`. `steps` is
/// ascending. Pure.
std::vector<std::int64_t> prune_plan(const std::vector<std::int64_t>& steps,
                                     const PruneRules& rules, std::optional<std::int64_t> best,
                                     std::int64_t valid);

/// Deletes by prune_plan. `known_valid` is a step just published; without it the newest valid one
/// is looked for, and nothing is deleted when there is none. Returns the steps deleted. Called by
/// one rank. Throws: base::InputError.
std::vector<std::int64_t> prune(const std::string& folder, const PruneRules& rules,
                                std::optional<std::int64_t> known_valid = std::nullopt);

/// Deletes the checkpoints of a run that is done and that nobody continues from: all but every nth.
/// Returns the steps deleted; none when the folder does not exist. Called by one rank. Throws:
/// base::InputError.
std::vector<std::int64_t> remove_finished(const std::string& folder, std::int64_t keep_every);

/// Removes what a killed save or deletion left behind. Called by one rank.
void remove_leftovers(const std::string& folder);
/// Takes a published checkpoint out of sight by one rename, then deletes it. Called by one rank.
void delete_checkpoint(const std::string& folder, std::int64_t step);
/// Deletes a folder outside the published names; `step` is for the kill point alone.
void delete_tree(const std::string& path, std::int64_t step);

}  // namespace r1::checkpoint
