#pragma once
// Saves the trainer's state while training goes on: snapshot, background write, agreed publish.
//
// Launch order: all ranks call save(), poll() and finish() at the same places of the step, from the
// thread that makes the other collectives. The background thread only touches files, so no
// collective is ever in flight beside the trainer's own.
//
//   saver.poll();                       // once a step: publishes when all ranks have written
//   if (due) saver.save(step, state);   // waits for the previous save, copies, returns
//   saver.finish();                     // before exit
#include <future>
#include <map>
#include <optional>
#include <string>

#include "checkpoint/options.h"
#include "checkpoint/shard_writer.h"
#include "checkpoint/snapshot.h"
#include "checkpoint/store.h"
#include "parallel/communicator.h"

namespace r1::checkpoint {

struct SaveResult {
  std::int64_t step = 0;
  bool published = false;
  std::string reason;        // why not: what the disk said
  double stall_seconds = 0;  // of this rank's training in save()
  double total_seconds = 0;  // from save() to published
  std::int64_t bytes = 0;    // this rank's shard
};

class Saver {
 public:
  /// `folder` holds the checkpoints. `communicator` spans all ranks that save, carries CPU tensors
  /// and outlives the saver.
  Saver(CheckpointOptions options, std::string folder, std::int64_t seed,
        parallel::Communicator& communicator);
  /// Waits for the background thread; what was not finished is not published.
  ~Saver();
  Saver(const Saver&) = delete;
  Saver& operator=(const Saver&) = delete;

  /// Finishes the previous save, snapshots `state` and starts to write; with background = false
  /// publishes too. What a disk refuses is a warning, and an error after max_refusals in a row.
  /// Collective. Throws on all ranks alike: base::FileError, base::InputError, base::Error.
  /// `good`: every step since the checkpoint before this one was accepted; rank 0's counts.
  void save(std::int64_t step, const State& state, bool good = true);

  /// Finishes the previous save and copies `state`, of which save_copy() makes a checkpoint when
  /// that is wanted. Memory: that of save(). Collective. Throws as save() does.
  void copy(std::int64_t step, const State& state, bool good = true);
  /// save() of the state that save() or copy() copied last. Collective. Throws as save() does.
  void save_copy();
  const Snapshot& last_copy() const { return snapshot_; }
  /// -1: there is none.
  std::int64_t last_copy_step() const { return copied_step_; }

  /// Asked by rank 0 before a checkpoint gets its name (Store::before_rename).
  void before_publishing(std::function<void()> check) { store_.before_rename(std::move(check)); }

  /// Publishes when every rank has written; else returns nothing. Collective (one all_reduce while
  /// a save is pending).
  std::optional<SaveResult> poll();

  /// Waits for the pending save and publishes it. Nothing when none is pending. Collective.
  std::optional<SaveResult> finish();

  bool pending() const { return shard_.valid(); }
  /// The last save that was published or refused.
  const SaveResult& last_result() const { return result_; }

 private:
  void name(std::int64_t step, bool good);
  bool begin();
  void take(const State& state);
  void write();
  ShardDescription write_my_shard();
  ShardDescription write_staged(const std::string& target);
  std::string staging_path() const;
  SaveResult complete();
  void refuse(const std::string& reason);
  void prune_old();

  CheckpointOptions options_;
  parallel::Communicator& communicator_;
  Store store_;
  Snapshot snapshot_;
  std::int64_t copied_step_ = -1;
  Identity identity_;
  std::future<ShardDescription> shard_;
  SaveResult result_;
  double start_seconds_ = 0;
  std::int64_t refusals_ = 0;
};

}  // namespace r1::checkpoint
