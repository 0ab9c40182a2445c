// Fuzz target: any bytes are the manifest of a checkpoint, which is then verified, or an
// InputError.
#include <nlohmann/json.hpp>

#include "base/crc32c.h"
#include "base/errors.h"
#include "base/json.h"
#include "checkpoint/reader.h"
#include "fuzz/checkpoint_files.h"

namespace {

/// The document with the checksum that vouches for it, so that not only damage is met.
std::string vouched_for(const std::string& bytes) {
  try {
    auto document = r1::base::parse_json(bytes, "fuzzed");
    if (!document.is_object()) return bytes;
    document.erase("crc32c");
    const auto text = document.dump();
    document["crc32c"] = fmt::format("{:08x}", r1::base::crc32c(text.data(), text.size()));
    return document.dump();
  } catch (const std::exception&) {
    return bytes;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const r1::fuzz::CheckpointFiles files;
  const auto text = vouched_for(std::string(reinterpret_cast<const char*>(data), size));
  files.write("MANIFEST.json", reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  try {
    r1::checkpoint::Manifest::read(files.folder());
    r1::checkpoint::verify_checkpoint(files.folder());
  } catch (const r1::base::InputError&) {
  }
  return 0;
}
