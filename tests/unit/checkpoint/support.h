#pragma once
// What the checkpoint tests share: ranks as threads, saved states.
#include <ATen/ATen.h>

#include <barrier>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "checkpoint/box.h"
#include "checkpoint/snapshot.h"
#include "parallel/communicator.h"
#include "support/temporary_folder.h"

namespace r1::checkpoint {

using test::TemporaryFolder;

/// Runs `body` on `size` threads, each with the communicator of its rank; rethrows rank 0's error.
/// An error on some ranks alone would leave the others waiting: bodies catch what they expect.
void run_ranks(int size, const std::function<void(parallel::Communicator&)>& body);

/// Saves `state_of(rank)` on `size` ranks as `step` and publishes it, without a background thread.
void save_on_ranks(int size, const std::string& folder, std::int64_t step,
                   const std::function<State(int)>& state_of);

/// Saves one rank's state.
void save_alone(const std::string& folder, std::int64_t step, const State& state);

/// Elements 0, 1, 2 … in this shape.
at::Tensor counting(const std::vector<std::int64_t>& shape, at::ScalarType dtype = at::kDouble);

/// The box of `whole` as a tensor part (a view).
LocalBox part_of(const at::Tensor& whole, const Box& box);

/// "step-…" -> the error of verifying it; empty when it is valid.
std::string refusal_of(const std::string& checkpoint);

void flip_byte(const std::string& path, std::uint64_t offset);

}  // namespace r1::checkpoint
