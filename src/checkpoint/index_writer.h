#pragma once
// Writes index.h5: virtual datasets that show every tensor whole under its name, from the
// descriptions of all ranks' shards, and the blobs of the run.
#include <string>
#include <vector>

#include "checkpoint/shard_format.h"

namespace r1::checkpoint {

/// Writes `folder`/index.h5, flushes it to disk and sums it. Shards are named relative to the
/// folder, so it can be renamed. Throws: base::InternalError when ranks disagree about a tensor or
/// their boxes do not tile it, base::FileError, base::Hdf5Error.
FileRecord write_index(const std::string& folder, const Identity& identity,
                       const std::vector<ShardDescription>& shards, const Blobs& blobs);

}  // namespace r1::checkpoint
