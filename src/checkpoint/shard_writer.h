#pragma once
// Writes a rank's snapshot as one serial HDF5 file.
//
// HDF5 lays the file out (early allocation, no fill) and is closed; the data then go straight to
// each dataset's place in file order, summed on the way. So a full disk is an errno, never an HDF5
// library in an odd state; HDF5's lock is held for the layout alone; and the CRC is that of the
// bytes in memory, not of what came back from the disk.
#include <string>

#include "checkpoint/shard_format.h"
#include "checkpoint/snapshot.h"

namespace r1::checkpoint {

/// Writes and flushes to disk. Space is reserved before the first byte of data; a file that could
/// not be finished is removed. May run on any thread; the bytes of datasets depend on the snapshot
/// alone. Throws: base::FileError, base::Hdf5Error, base::InputError.
ShardDescription write_shard(const std::string& path, const Snapshot& snapshot,
                             const Identity& identity);

}  // namespace r1::checkpoint
