#pragma once
// Small file helpers whose errors name the file.
#include <string>

namespace r1::base {

/// The whole file. Throws: InputError naming the file.
std::string read_file(const std::string& path);
/// Writes `path` complete or not at all: temporary file, fsync, rename, fsync of the folder.
/// Throws: InputError.
void write_file_atomically(const std::string& path, const std::string& content);
/// Flushes a folder's entries to disk. Throws: InputError.
void sync_folder(const std::string& path);

}  // namespace r1::base
