#pragma once
// Writes safetensors files as a stream, whole or not at all, and splits a model into shards.
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace r1::checkpoint {

/// A tensor to be written; dtype as in safetensors files ("F32", "BF16").
struct SafetensorsEntry {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;

  /// Throws: InputError for an unknown dtype.
  std::size_t num_bytes() const;
};

/// Declares all entries first, then takes their bytes in that order. The file appears under its
/// name when finish() returns; a writer destroyed before leaves nothing behind.
class SafetensorsWriter {
 public:
  /// Throws: InputError when the file cannot be made or an entry is wrong or comes twice.
  SafetensorsWriter(std::string path, std::vector<SafetensorsEntry> entries,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  /// The next bytes of entry `name`, which must be the one whose turn it is; several calls may
  /// bring one entry. Throws: InternalError out of turn or past its end, InputError on a full disk.
  void write(const std::string& name, std::span<const std::byte> bytes);
  /// fsync, rename, fsync of the folder. Throws: InternalError when bytes are missing, InputError.
  void finish();

 private:
  void write_bytes(const void* data, std::size_t size);
  void skip_complete_entries();

  std::string path_;
  std::string temporary_;
  std::vector<SafetensorsEntry> entries_;
  std::size_t current_ = 0;  // entry whose turn it is
  std::size_t written_ = 0;  // bytes of it that are written
  int file_ = -1;
};

/// One file of a model and what it holds.
struct SafetensorsShard {
  std::string file;  // "model.safetensors" or "model-00001-of-00003.safetensors"
  std::vector<SafetensorsEntry> entries;
};

/// Entries in order, a new shard begun where the next entry would pass `limit_bytes` of data
/// (an entry larger than that has its own shard).
std::vector<SafetensorsShard> split_into_shards(const std::vector<SafetensorsEntry>& entries,
                                                std::size_t limit_bytes);

/// Writes the index of several shards; for one shard nothing, since none is needed.
/// Throws: InputError.
void write_safetensors_index(const std::string& folder,
                             const std::vector<SafetensorsShard>& shards);

}  // namespace r1::checkpoint
