#pragma once
// What all our HDF5 files have in common: the attributes that say what a file is, the names in it,
// and the description of a shard that its rank hands to the index.
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/file_sums.h"
#include "checkpoint/hdf5_handle.h"
#include "checkpoint/sharded_tensor.h"
#include "checkpoint/snapshot.h"

namespace r1::checkpoint {

inline constexpr std::int64_t kFormatVersion = 1;
inline constexpr const char* kShardType = "r1mpi checkpoint shard";
inline constexpr const char* kIndexType = "r1mpi checkpoint index";
inline constexpr const char* kManifestType = "r1mpi checkpoint";
inline constexpr const char* kBlobGroup = "r1.blobs";
inline constexpr const char* kIndexName = "index.h5";
inline constexpr const char* kManifestName = "MANIFEST.json";

/// What a checkpoint says about itself, besides type, versions and git SHA of the program.
struct Identity {
  std::int64_t step = 0;
  std::int64_t seed = 0;
  std::string date;  // UTC, "2026-01-31T12:00:00Z"
  std::string run;   // of the folder it was saved into (catalog.h); empty: not known
  bool good = true;  // every step since the checkpoint before it was accepted
};
/// Now, in UTC.
std::string current_date();

/// "shard-00003.h5".
std::string shard_name(int rank);

void write_identity(hid_t file, const char* type, const Identity& identity);
/// The index names the checkpoint's step and how many files with what names it was made of; a
/// manifest of another step or of other parts is not this checkpoint's. `files`: without the index.
void write_parts(hid_t index, const std::vector<std::string>& files);
/// Throws: base::InputError naming the index, expected and found.
void check_parts(hid_t index, const Identity& identity, const std::vector<std::string>& files,
                 const std::string& path);
/// Throws: base::InputError naming path, expected and found type or version.
void check_identity(hid_t file, const char* type, const std::string& path);

/// A name that can be an HDF5 path: parts between '/', none empty, "." or "..", outside the blobs'
/// group. Throws: base::InternalError.
void check_object_name(const std::string& name);

/// Blobs as uint8 datasets in the group r1.blobs, each with its CRC32C.
void write_blobs(hid_t file, const Blobs& blobs, const std::string& path);
/// Throws: base::InputError when it is absent or its CRC differs.
std::string read_blob(hid_t file, const std::string& name, const std::string& path);
std::vector<std::string> list_blobs(hid_t file, const std::string& path);

/// Tensors of 0 dims are stored with shape [1] and an attribute "ndim" of 0.
std::vector<std::int64_t> stored_shape(const std::vector<std::int64_t>& shape);
Box stored_box(const Box& box);
/// Attributes "dtype" and "ndim".
void write_tensor_attributes(hid_t dataset, const std::vector<std::int64_t>& shape,
                             at::ScalarType dtype);

/// One dataset of a shard file.
struct ShardEntry {
  std::size_t tensor;  // index into ShardDescription::tensors
  std::string dataset;
  Box box;
};

/// What rank 0 must know of a rank's shard. `file.name` is empty when the rank wrote none.
struct ShardDescription {
  FileRecord file;
  std::vector<TensorInfo> tensors;  // the rank's whole state, written by it or not
  std::vector<ShardEntry> entries;

  /// CBOR, for sending.
  std::string to_bytes() const;
  static ShardDescription from_bytes(const std::string& bytes);
};

}  // namespace r1::checkpoint
