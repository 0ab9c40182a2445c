// Fuzz target: an index of a checkpoint with any changes, which the manifest vouches for, holds
// tensors and blobs that can be read, or is an InputError or Hdf5Error. Three bytes are a change:
// the place in the index, and what is added to the byte there.
#include "base/errors.h"
#include "base/files.h"
#include "checkpoint/reader.h"
#include "fuzz/checkpoint_files.h"

namespace {

constexpr std::int64_t kMostElements = 1 << 16;

void read_all(const std::string& folder) {
  r1::checkpoint::CheckpointReader reader(folder);
  for (const auto& [name, tensor] : reader.tensors()) {
    std::int64_t elements = 1;
    for (const auto size : tensor.shape)
      elements = size > kMostElements ? kMostElements : elements * size;
    if (elements < kMostElements) reader.read(name);
  }
  for (const auto& name : reader.blob_names()) reader.blob(name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const r1::fuzz::CheckpointFiles files;
  static const auto manifest = r1::checkpoint::Manifest::read(files.folder());
  static const auto valid = r1::base::read_file(files.path("index.h5"));
  auto index = valid;
  for (std::size_t i = 0; i + 2 < size; i += 3) {
    auto& byte = index[(data[i] + std::size_t{256} * data[i + 1]) % index.size()];
    byte = static_cast<char>(byte + data[i + 2]);
  }
  files.write("index.h5", reinterpret_cast<const std::uint8_t*>(index.data()), index.size());
  auto of_this = manifest;
  for (auto& file : of_this.files)
    if (file.name == "index.h5") file = r1::checkpoint::sum_file(files.path(file.name));
  of_this.write(files.folder());
  try {
    read_all(files.folder());
  } catch (const r1::base::InputError&) {
  } catch (const r1::base::Hdf5Error&) {
  }
  return 0;
}
