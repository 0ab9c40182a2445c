#pragma once
// The bytes of a file, unpacked where the file is compressed: gzip and Zstandard, one block at a
// time.
#include <memory>
#include <streambuf>
#include <string>

namespace r1::data {

/// Opens `path` for reading from front to back. The first bytes, not the name, say whether the file
/// is compressed; several members (gzip) or frames (Zstandard) follow each other as one text. The
/// buffer's own calls (sbumpc, sgetn) throw InputError naming the file when the data is damaged,
/// ends too early or cannot be read. Throws: InputError also for a file that cannot be opened, a
/// folder, and a compression that is not known (xz, bzip2, zip).
/// Reference: RFC 1952 (gzip), RFC 8878 (Zstandard).
std::unique_ptr<std::streambuf> open_bytes(const std::string& path);

/// The first bytes of a file, as many as there are up to `size`. Throws: InputError as open_bytes.
std::string first_bytes(const std::string& path, std::size_t size);

}  // namespace r1::data
