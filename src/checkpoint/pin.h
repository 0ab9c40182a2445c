#pragma once
// A checkpoint of another run, kept for this one: that run may go on, prune it or be deleted.
#include <string>

namespace r1::checkpoint {

/// Puts the files of the checkpoint folder `source` into a folder of their own below `folder`: as
/// hard links, which take no space, or as copies where the file system has none. A folder that is
/// there already is taken. Returns its path. Called by one rank. Throws: base::InputError when
/// `source` is no checkpoint, base::FileError.
std::string pin_checkpoint(const std::string& source, const std::string& folder);

}  // namespace r1::checkpoint
