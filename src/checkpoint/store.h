#pragma once
// The life of one checkpoint on disk: begun in a hidden folder, published by one rename or
// discarded, on all ranks alike.
#include <functional>
#include <string>

#include "checkpoint/shard_format.h"
#include "parallel/communicator.h"

namespace r1::checkpoint {

class Store {
 public:
  /// `folder` holds the checkpoints; all ranks see it. `communicator` outlives the store.
  Store(std::string folder, parallel::Communicator& communicator);

  const std::string& folder() const { return folder_; }
  /// Where ranks put the shards of `step` between begin and publish.
  std::string partial_path(std::int64_t step) const;

  /// Removes leftovers and makes the hidden folder. Collective. Throws on all ranks alike.
  void begin(std::int64_t step);

  /// Gets each rank's shard (complete, flushed, in partial_path) from `my_shard`, writes the index
  /// and, last, the manifest, renames the folder to its name and flushes the parent. A published
  /// checkpoint of the same step is replaced in one exchange. When anything fails on any rank, the
  /// hidden folder is removed and all ranks throw the same error; published checkpoints stay.
  /// `identity` and `blobs` are those of rank 0. Collective; `my_shard` must not communicate.
  /// Throws: base::FileError, base::InputError, base::Error.
  void publish(const Identity& identity, const std::function<ShardDescription()>& my_shard,
               const Blobs& blobs);

  /// What rank 0 asks before a checkpoint gets its name: it throws when another process has taken
  /// the run over.
  void before_rename(std::function<void()> check) { before_rename_ = std::move(check); }

 private:
  void write_and_rename(const Identity& identity, const std::vector<std::string>& shards,
                        const Blobs& blobs);

  std::string folder_;
  parallel::Communicator& communicator_;
  std::function<void()> before_rename_;
};

}  // namespace r1::checkpoint
