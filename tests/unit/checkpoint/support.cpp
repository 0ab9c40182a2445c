#include "unit/checkpoint/support.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/errors.h"
#include "checkpoint/reader.h"
#include "checkpoint/saver.h"
#include "parallel/local_communicator.h"

namespace r1::checkpoint {
namespace {

using parallel::ReduceOp;
using parallel::Work;

// What the ranks of one run_ranks share.
struct World {
  explicit World(int ranks) : size(ranks), barrier(ranks), slots(static_cast<std::size_t>(ranks)) {}
  int size;
  std::barrier<> barrier;
  std::vector<at::Tensor> slots;
  std::mutex mutex;
  std::condition_variable arrived;
  std::map<std::pair<int, int>, std::deque<at::Tensor>> mail;  // (from, to)
};

class ThreadCommunicator final : public parallel::Communicator {
 public:
  ThreadCommunicator(World& world, int rank) : world_(world), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return world_.size; }

  Work all_reduce(at::Tensor tensor, ReduceOp op, const char*) override {
    exchange(tensor.clone(), [&] {
      const auto all = at::stack(world_.slots);
      tensor.copy_(op == ReduceOp::Sum   ? all.sum(0)
                   : op == ReduceOp::Max ? all.amax(0)
                                         : all.amin(0));
    });
    return {};
  }
  Work all_gather(at::Tensor output, at::Tensor input, const char*) override {
    exchange(input, [&] { output.copy_(at::cat(world_.slots)); });
    return {};
  }
  Work broadcast(at::Tensor tensor, int root, const char*) override {
    exchange(tensor, [&] {
      if (rank_ != root) tensor.copy_(world_.slots[static_cast<std::size_t>(root)]);
    });
    return {};
  }
  Work send(at::Tensor tensor, int peer, const char*) override {
    const std::lock_guard lock(world_.mutex);
    world_.mail[{rank_, peer}].push_back(tensor.clone());
    world_.arrived.notify_all();
    return {};
  }
  Work receive(at::Tensor tensor, int peer, const char*) override {
    std::unique_lock lock(world_.mutex);
    auto& box = world_.mail[{peer, rank_}];
    world_.arrived.wait(lock, [&] { return !box.empty(); });
    tensor.copy_(box.front());
    box.pop_front();
    return {};
  }
  void barrier(const char*) override { world_.barrier.arrive_and_wait(); }

  Work reduce_scatter(at::Tensor, at::Tensor, ReduceOp, const char*) override { unused(); }
  Work all_to_all(at::Tensor, at::Tensor, std::span<const std::int64_t>,
                  std::span<const std::int64_t>, const char*) override {
    unused();
  }
  std::unique_ptr<Communicator> split(int, int) override { unused(); }
  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }

 private:
  [[noreturn]] void unused() { throw base::InternalError("checkpoints do not use this call"); }
  void exchange(const at::Tensor& mine, const std::function<void()>& read) {
    world_.slots[static_cast<std::size_t>(rank_)] = mine;
    world_.barrier.arrive_and_wait();
    read();
    world_.barrier.arrive_and_wait();
  }

  World& world_;
  int rank_;
};

CheckpointOptions synchronous() {
  CheckpointOptions options;
  options.background = false;
  return options;
}

}  // namespace

void run_ranks(int size, const std::function<void(parallel::Communicator&)>& body) {
  World world(size);
  std::vector<std::future<void>> ranks;
  for (int rank = 0; rank < size; ++rank)
    ranks.push_back(std::async(std::launch::async, [&world, &body, rank] {
      ThreadCommunicator communicator(world, rank);
      body(communicator);
    }));
  for (auto& rank : ranks) rank.wait();
  for (auto& rank : ranks) rank.get();
}

void save_on_ranks(int size, const std::string& folder, std::int64_t step,
                   const std::function<State(int)>& state_of) {
  run_ranks(size, [&](parallel::Communicator& communicator) {
    Saver saver(synchronous(), folder, 7, communicator);
    saver.save(step, state_of(communicator.rank()));
  });
}

void save_alone(const std::string& folder, std::int64_t step, const State& state) {
  parallel::LocalCommunicator communicator;
  Saver saver(synchronous(), folder, 7, communicator);
  saver.save(step, state);
}

at::Tensor counting(const std::vector<std::int64_t>& shape, at::ScalarType dtype) {
  return at::arange(volume(shape), at::kDouble).reshape(shape).to(dtype);
}

LocalBox part_of(const at::Tensor& whole, const Box& box) {
  auto view = whole;
  for (std::size_t dim = 0; dim < box.offset.size(); ++dim)
    view = view.narrow(static_cast<std::int64_t>(dim), box.offset[dim], box.extent[dim]);
  return {box, view};
}

std::string refusal_of(const std::string& checkpoint) {
  try {
    verify_checkpoint(checkpoint);
    return {};
  } catch (const base::Error& error) {
    return error.what();
  }
}

void flip_byte(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file.good()) << path;
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get());
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 0x40));
}

}  // namespace r1::checkpoint
