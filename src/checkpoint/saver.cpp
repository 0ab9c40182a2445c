#include "checkpoint/saver.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/log.h"
#include "base/timer.h"
#include "checkpoint/agree.h"
#include "checkpoint/catalog.h"

namespace r1::checkpoint {

namespace fs = std::filesystem;

Saver::Saver(CheckpointOptions options, std::string folder, std::int64_t seed,
             parallel::Communicator& communicator)
    : options_(std::move(options)),
      communicator_(communicator),
      store_(std::move(folder), communicator) {
  identity_.seed = seed;
}

Saver::~Saver() {
  if (shard_.valid()) shard_.wait();
}

void Saver::save(std::int64_t step, const State& state, bool good) {
  finish();
  name(step, good);
  if (!begin()) return;
  take(state);
  write();
}

void Saver::copy(std::int64_t step, const State& state, bool good) {
  finish();
  name(step, good);
  take(state);
}

void Saver::save_copy() {
  finish();
  if (begin()) write();
}

void Saver::name(std::int64_t step, bool good) {
  identity_.step = step;
  identity_.date = current_date();
  identity_.good = good;
}

/// False: the disk refused.
bool Saver::begin() {
  start_seconds_ = base::monotonic_seconds();
  result_ = {};
  result_.step = identity_.step;
  try {
    store_.begin(identity_.step);
  } catch (const base::FileError& error) {
    refuse(error.what());
    return false;
  }
  return true;
}

void Saver::take(const State& state) {
  copied_step_ = -1;
  all_or_none(communicator_, "checkpoint snapshot", [&] { snapshot_.take(state); });
  copied_step_ = identity_.step;
}

void Saver::write() {
  const auto policy = options_.background ? std::launch::async : std::launch::deferred;
  shard_ = std::async(policy, [this] { return write_my_shard(); });
  result_.stall_seconds = base::monotonic_seconds() - start_seconds_;
  if (!options_.background) complete();
}

std::optional<SaveResult> Saver::poll() {
  if (!pending()) return std::nullopt;
  const bool done = shard_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  const double all_done =
      communicator_.all_reduce_scalar(done ? 1 : 0, parallel::ReduceOp::Min, "checkpoint written?");
  if (all_done == 0) return std::nullopt;
  return complete();
}

std::optional<SaveResult> Saver::finish() {
  if (!pending()) return std::nullopt;
  shard_.wait();
  return complete();
}

// Runs on the background thread.
ShardDescription Saver::write_my_shard() {
  ShardDescription description;
  description.tensors = snapshot_.tensors();
  if (!snapshot_.has_shard()) return description;
  const auto target =
      (fs::path(store_.partial_path(identity_.step)) / shard_name(communicator_.rank())).string();
  if (options_.staging_dir.empty()) return write_shard(target, snapshot_, identity_);
  try {
    return write_staged(target);
  } catch (const base::Error& error) {
    // When it is the target that refuses, this attempt says so again.
    base::log_warning("staging of the checkpoint: {}; writing to {} directly", error.what(),
                      target);
    return write_shard(target, snapshot_, identity_);
  }
}

ShardDescription Saver::write_staged(const std::string& target) {
  const auto staged = staging_path();
  auto description = write_shard(staged, snapshot_, identity_);
  description.file.name = fs::path(target).filename().string();
  try {
    copy_verified(staged, target, description.file);
  } catch (...) {
    ::unlink(staged.c_str());
    throw;
  }
  ::unlink(staged.c_str());
  return description;
}

// One name per run and rank, without the step: a killed save leaves one file at most, and the next
// one overwrites it.
std::string Saver::staging_path() const {
  const auto run = fs::absolute(store_.folder()).lexically_normal().string();
  return (fs::path(options_.staging_dir) / fmt::format("r1mpi-{:08x}-{}",
                                                       base::crc32c(run.data(), run.size()),
                                                       shard_name(communicator_.rank())))
      .string();
}

SaveResult Saver::complete() {
  auto shard = std::move(shard_);
  const auto my_shard = [&] {
    auto description = shard.get();
    result_.bytes = static_cast<std::int64_t>(description.file.size);
    return description;
  };
  try {
    store_.publish(identity_, my_shard, snapshot_.blobs());
  } catch (const base::FileError& error) {
    refuse(error.what());
    return result_;
  }
  result_.published = true;
  result_.total_seconds = base::monotonic_seconds() - start_seconds_;
  if (!options_.background) result_.stall_seconds = result_.total_seconds;
  refusals_ = 0;
  if (communicator_.rank() == 0) {
    base::log_info("checkpoint of step {} published after {:.2f} s (stall {:.3f} s)", result_.step,
                   result_.total_seconds, result_.stall_seconds);
    prune_old();
  }
  return result_;
}

// The same on all ranks, since the error was agreed on.
void Saver::refuse(const std::string& reason) {
  result_.reason = reason;
  ++refusals_;
  if (communicator_.rank() == 0)
    base::log_warning("checkpoint of step {} refused ({} in a row of at most {}): {}", result_.step,
                      refusals_, options_.max_refusals, reason);
  if (refusals_ >= options_.max_refusals)
    throw base::FileError(
        fmt::format("{} checkpoints in a row refused, the last: {}", refusals_, reason));
}

// What cannot be deleted costs space, not the run.
void Saver::prune_old() {
  try {
    prune(store_.folder(), {options_.keep_last, options_.keep_every}, result_.step);
  } catch (const std::exception& error) {
    base::log_warning("old checkpoints are not deleted: {}", error.what());
  }
}

}  // namespace r1::checkpoint
