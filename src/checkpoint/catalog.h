#pragma once
// The checkpoints of a run folder: which are there, which is the newest valid one, which to delete.
//
// <folder>/step-00000400/          published, complete
// <folder>/.step-00000400.partial  being written; never read, removed by the next save
// <folder>/.step-00000400.deleting being deleted; the same
// <folder>/best.json               step and value of the best checkpoint
// <folder>/good.json               step of the newest good checkpoint
// <folder>/run.json                whose checkpoints these are: a random number of the first save
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace r1::checkpoint {

/// "step-00000400".
std::string checkpoint_name(std::int64_t step);
/// The number of the run whose checkpoints `folder` holds; nothing before its first save, or when
/// the file is damaged (the next save writes it again).
std::optional<std::string> run_of(const std::string& folder);
/// The same, made when there is none: as the newest checkpoint says, or a new one. Called by one
/// rank. Throws: base::FileError.
std::string require_run(const std::string& folder);

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

/// The newest checkpoint of which every byte verifies, and that is the one of its folder's name and
/// of this run: a folder that was renamed, copied or swapped is refused. The ranks share the work
/// and all get the same answer; each refusal is logged. Collective over `communicator`.
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

/// Remembers that a step was accepted which began from this checkpoint's weights: only then are
/// they known to be good, since weights that have just exploded may still be finite. Called by one
/// rank.
void mark_good(const std::string& folder, std::int64_t step);
/// The checkpoint marked last, or, where none is or it is gone, the newest one whose manifest says
/// that the steps before it were accepted. Nothing when there is none. Called by one rank.
std::optional<std::int64_t> newest_good(const std::string& folder);

struct PruneRules {
  std::int64_t keep_last = 3;
  std::int64_t keep_every = 0;  // 0: none
};
/// The steps to delete, ascending: all but the last k, every nth, and those of `kept` (the best, a
/// valid one, the newest good one). `steps` is ascending. Pure.
std::vector<std::int64_t> prune_plan(const std::vector<std::int64_t>& steps,
                                     const PruneRules& rules, const std::set<std::int64_t>& kept);

/// Deletes by prune_plan. `known_valid` is a step just published; without it the newest valid one
/// is looked for, and nothing is deleted when there is none. Returns the steps deleted. Called by
/// one rank. Throws: base::InputError.
std::vector<std::int64_t> prune(const std::string& folder, const PruneRules& rules,
                                std::optional<std::int64_t> known_valid = std::nullopt);

/// Deletes the checkpoints of a run that is done and that nobody continues from: all but every nth.
/// Returns the steps deleted; none when the folder does not exist. Called by one rank. Throws:
/// base::InputError.
std::vector<std::int64_t> remove_finished(const std::string& folder, std::int64_t keep_every);

/// Deletes the checkpoints of steps after `step`, and the marks of the best and the good one among
/// them: the run goes back. Called by one rank. Throws: base::FileError.
void remove_newer(const std::string& folder, std::int64_t step);

/// Removes what a killed save or deletion left behind; what cannot be removed is a warning. Called
/// by one rank.
void remove_leftovers(const std::string& folder);
/// Takes a published checkpoint out of sight by one rename, then deletes it. Called by one rank.
void delete_checkpoint(const std::string& folder, std::int64_t step);
/// Deletes a folder outside the published names; `step` is for the kill point alone.
void delete_tree(const std::string& path, std::int64_t step);

}  // namespace r1::checkpoint
