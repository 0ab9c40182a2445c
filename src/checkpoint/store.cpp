#include "checkpoint/store.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>
#include <filesystem>

#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "checkpoint/agree.h"
#include "checkpoint/catalog.h"
#include "checkpoint/index_writer.h"
#include "checkpoint/kill_point.h"
#include "checkpoint/manifest.h"
#include "checkpoint/posix_file.h"

namespace r1::checkpoint {
namespace {

namespace fs = std::filesystem;

// The new folder takes the name; an old one of that name is deleted afterwards. File systems
// without the exchange have a moment with neither, in which other checkpoints are still there.
void rename_over(const std::string& partial, const std::string& folder, std::int64_t step) {
  const auto target = (fs::path(folder) / checkpoint_name(step)).string();
  if (fs::exists(target)) {
    if (::renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0) {
      base::sync_folder(folder);
      try {
        delete_tree(partial, step);
      } catch (const base::FileError& error) {
        base::log_warning("the replaced checkpoint stays: {}", error.what());
      }
      return;
    }
    delete_checkpoint(folder, step);
  }
  if (::rename(partial.c_str(), target.c_str()) != 0)
    throw_file_error(partial, fmt::format("cannot rename to {}", target), errno);
  base::sync_folder(folder);
}

}  // namespace

Store::Store(std::string folder, parallel::Communicator& communicator)
    : folder_(std::move(folder)), communicator_(communicator) {}

std::string Store::partial_path(std::int64_t step) const {
  return (fs::path(folder_) / fmt::format(".{}.partial", checkpoint_name(step))).string();
}

void Store::begin(std::int64_t step) {
  all_or_none(communicator_, "begin checkpoint", [&] {
    if (communicator_.rank() != 0) return;
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) throw_file_error(folder_, "cannot make the folder", error.value());
    remove_leftovers(folder_);
    fs::create_directory(partial_path(step), error);
    if (error) throw_file_error(partial_path(step), "cannot make the folder", error.value());
  });
}

void Store::publish(const Identity& identity, const std::function<ShardDescription()>& my_shard,
                    const Blobs& blobs) {
  try {
    std::string mine;
    all_or_none(communicator_, "checkpoint shards", [&] { mine = my_shard().to_bytes(); });
    const auto shards = gather_bytes(communicator_, mine, "checkpoint index");
    all_or_none(communicator_, "publish checkpoint", [&] {
      if (communicator_.rank() == 0) write_and_rename(identity, shards, blobs);
    });
  } catch (...) {
    // All ranks are here, and none writes any more.
    std::error_code ignored;
    if (communicator_.rank() == 0) fs::remove_all(partial_path(identity.step), ignored);
    throw;
  }
}

void Store::write_and_rename(const Identity& identity, const std::vector<std::string>& shards,
                             const Blobs& blobs) {
  const auto partial = partial_path(identity.step);
  Manifest manifest{identity, {}};
  manifest.identity.run = require_run(folder_);
  std::vector<ShardDescription> descriptions;
  for (const auto& bytes : shards) {
    descriptions.push_back(ShardDescription::from_bytes(bytes));
    const auto& file = descriptions.back().file;
    if (file.name.empty()) continue;
    // Seen by another rank than its writer: the folder is one that all ranks share.
    check_size(partial, file);
    manifest.files.push_back(file);
  }
  manifest.files.push_back(write_index(partial, identity, descriptions, blobs));
  base::sync_folder(partial);
  test_kill_point("before-manifest", identity.step);
  manifest.write(partial);
  base::sync_folder(partial);
  test_kill_point("before-rename", identity.step);
  if (before_rename_) before_rename_();
  rename_over(partial, folder_, identity.step);
}

}  // namespace r1::checkpoint
