#include "checkpoint/pin.h"

#include <filesystem>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/log.h"
#include "checkpoint/manifest.h"
#include "checkpoint/posix_file.h"

namespace r1::checkpoint {
namespace {

namespace fs = std::filesystem;

void link_or_copy(const fs::path& source, const fs::path& target) {
  std::error_code error;
  fs::create_hard_link(source, target, error);
  if (!error) return;
  base::log_info("{}: copied to {} (no hard link: {})", source.string(), target.string(),
                 error.message());
  fs::copy_file(source, target, fs::copy_options::overwrite_existing, error);
  if (error)
    throw_file_error(source.string(), fmt::format("cannot copy to {}", target.string()),
                     error.value());
  PosixFile(target.string(), PosixFile::Mode::Update).sync();
}

}  // namespace

std::string pin_checkpoint(const std::string& source, const std::string& folder) {
  const auto manifest = Manifest::read(source);
  const auto place = fs::absolute(source).lexically_normal().string();
  // Of two runs the same step may be pinned.
  const auto name = fmt::format("{:08x}-{}", base::crc32c(place.data(), place.size()),
                                fs::path(place).filename().string());
  const auto target = fs::path(folder) / name, partial = fs::path(folder) / ("." + name);
  if (fs::exists(target / kManifestName)) return target.string();
  std::error_code error;
  fs::remove_all(partial, error);
  base::make_folders(partial.string(), base::FileOf::Run);
  for (const auto& record : manifest.files)
    link_or_copy(fs::path(source) / record.name, partial / record.name);
  link_or_copy(fs::path(source) / kManifestName, partial / kManifestName);
  base::sync_folder(partial.string());
  fs::rename(partial, target, error);
  if (error) throw_file_error(partial.string(), "cannot rename", error.value());
  base::sync_folder(folder);
  return target.string();
}

}  // namespace r1::checkpoint
