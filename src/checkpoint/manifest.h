#pragma once
// MANIFEST.json: what a complete checkpoint consists of. Written last; a folder without it is no
// checkpoint.
#include <string>
#include <vector>

#include "checkpoint/shard_format.h"

namespace r1::checkpoint {

struct Manifest {
  Identity identity;
  std::vector<FileRecord> files;

  /// Writes `folder`/MANIFEST.json and flushes it to disk. Throws: base::FileError,
  /// base::InputError.
  void write(const std::string& folder) const;
  /// Throws: base::InputError naming the file when it is absent, not ours, of another format
  /// version, or damaged (it carries a CRC32C of itself).
  static Manifest read(const std::string& folder);
  /// The record of a file, or nullptr.
  const FileRecord* find(const std::string& name) const;
};

}  // namespace r1::checkpoint
