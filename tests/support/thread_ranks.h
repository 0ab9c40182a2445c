#pragma once
// Ranks as threads of one process, with a Communicator between them: what unit tests of split
// models run on.
#include <ATen/core/Tensor.h>

#include <array>
#include <barrier>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "parallel/communicator.h"

namespace r1::test {

/// Calls body(communicator) on `size` threads, each a rank, and throws what the first of them
/// threw.
class ThreadRanks {
 public:
  using Body = std::function<void(parallel::Communicator&)>;
  static void run(int size, const Body& body) {
    run_on_nodes(1, size, [&](auto& all, auto&, auto&) { body(all); });
  }

  /// Also gives each rank the communicators of parallel::NodeRanks: body(all, within, across).
  using NodesBody = std::function<void(parallel::Communicator&, parallel::Communicator&,
                                       parallel::Communicator&)>;
  static void run_on_nodes(int num_nodes, int num_within, const NodesBody& body) {
    const int size = num_nodes * num_within;
    ThreadRanks all(size);
    std::deque<ThreadRanks> nodes, rails;  // a rail: the ranks of one number within their nodes
    for (int node = 0; node < num_nodes; ++node) nodes.emplace_back(num_within);
    for (int number = 0; number < num_within; ++number) rails.emplace_back(num_nodes);
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size));
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank)
      threads.emplace_back([&, rank] {
        const int node = rank / num_within, number = rank % num_within;
        const std::array<ThreadRanks*, 3> groups{&all, &nodes[static_cast<std::size_t>(node)],
                                                 &rails[static_cast<std::size_t>(number)]};
        try {
          Rank of_all(*groups[0], rank), within(*groups[1], number), across(*groups[2], node);
          body(of_all, within, across);
        } catch (...) {
          errors[static_cast<std::size_t>(rank)] = std::current_exception();
          for (auto* group : groups) group->mail_.give_up();
        }
        for (auto* group : groups)
          group->barrier_.arrive_and_drop();  // the others go on without it
      });
    for (auto& thread : threads) thread.join();
    for (const auto& error : errors)
      if (error) std::rethrow_exception(error);
  }

  explicit ThreadRanks(int size) : size_(size), barrier_(size), slots_(slot_count(size)) {}

 private:
  /// Messages between two ranks, in the order of sending.
  class Mail {
   public:
    void send(int from, int to, at::Tensor message) {
      const std::lock_guard lock(mutex_);
      messages_[{from, to}].push_back(std::move(message));
      changed_.notify_all();
    }
    at::Tensor receive(int from, int to) {
      std::unique_lock lock(mutex_);
      auto& messages = messages_[{from, to}];
      changed_.wait(lock, [&] { return !messages.empty() || given_up_; });
      R1_CHECK(!messages.empty(), "rank {} waits for rank {}, which has failed", to, from);
      auto message = std::move(messages.front());
      messages.pop_front();
      return message;
    }
    void give_up() {
      const std::lock_guard lock(mutex_);
      given_up_ = true;
      changed_.notify_all();
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::pair<int, int>, std::deque<at::Tensor>> messages_;
    bool given_up_ = false;
  };

  class Receiving final : public parallel::Work::State {
   public:
    Receiving(Mail& mail, int from, int to, at::Tensor target)
        : mail_(mail), from_(from), to_(to), target_(std::move(target)) {}
    void wait() override { target_.copy_(mail_.receive(from_, to_)); }
    bool test() override {
      wait();
      return true;
    }

   private:
    Mail& mail_;
    int from_, to_;
    at::Tensor target_;
  };

  static std::size_t slot_count(int size) { return static_cast<std::size_t>(size); }

  class Rank final : public parallel::Communicator {
   public:
    Rank(ThreadRanks& ranks, int rank) : ranks_(ranks), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return ranks_.size_; }

    parallel::Work all_reduce(at::Tensor tensor, parallel::ReduceOp op, const char*) override {
      share({tensor.clone()}, [&](const auto& all) {
        auto sum = all[0][0].clone();
        for (std::size_t r = 1; r < all.size(); ++r)
          sum = op == parallel::ReduceOp::Sum   ? sum + all[r][0]
                : op == parallel::ReduceOp::Max ? at::maximum(sum, all[r][0])
                                                : at::minimum(sum, all[r][0]);
        tensor.copy_(sum);
      });
      return {};
    }
    parallel::Work all_gather(at::Tensor output, at::Tensor input, const char*) override {
      share({input.clone()}, [&](const auto& all) {
        std::vector<at::Tensor> pieces;
        for (const auto& one : all) pieces.push_back(one[0]);
        output.copy_(at::cat(pieces));
      });
      return {};
    }
    parallel::Work reduce_scatter(at::Tensor output, at::Tensor input, parallel::ReduceOp op,
                                  const char* label) override {
      auto whole = input.clone();
      all_reduce(whole, op, label);
      output.copy_(whole.narrow(0, rank_ * output.size(0), output.size(0)));
      return {};
    }
    parallel::Work broadcast(at::Tensor tensor, int root, const char*) override {
      share({tensor.clone()},
            [&](const auto& all) { tensor.copy_(all[static_cast<std::size_t>(root)][0]); });
      return {};
    }
    parallel::Work all_to_all(at::Tensor output, at::Tensor input,
                              std::span<const std::int64_t> output_splits,
                              std::span<const std::int64_t> input_splits, const char*) override {
      share(
          input.clone().split_with_sizes(at::IntArrayRef(input_splits.data(), input_splits.size())),
          [&](const auto& all) {
            std::vector<at::Tensor> pieces;
            for (std::size_t r = 0; r < all.size(); ++r) {
              pieces.push_back(all[r][static_cast<std::size_t>(rank_)]);
              R1_CHECK(pieces.back().size(0) == output_splits[r],
                       "rank {} expects {} rows of rank {}, which sends {}", rank_,
                       output_splits[r], r, pieces.back().size(0));
            }
            output.copy_(at::cat(pieces));
          });
      return {};
    }
    parallel::Work send(at::Tensor tensor, int peer, const char*) override {
      ranks_.mail_.send(rank_, peer, tensor.clone());
      return {};
    }
    parallel::Work receive(at::Tensor tensor, int peer, const char*) override {
      return parallel::Work(
          std::make_unique<Receiving>(ranks_.mail_, peer, rank_, std::move(tensor)));
    }
    void barrier(const char*) override { ranks_.barrier_.arrive_and_wait(); }
    std::unique_ptr<parallel::Communicator> split(int, int) override { refuse("split"); }
    [[noreturn]] void abort(int) override { refuse("abort"); }

   private:
    /// Shows this rank's tensors to all; use(tensors of all ranks) runs before anyone goes on.
    template <class Use>
    void share(std::vector<at::Tensor> mine, const Use& use) {
      const at::NoGradGuard no_grad;
      ranks_.slots_[static_cast<std::size_t>(rank_)] = std::move(mine);
      ranks_.barrier_.arrive_and_wait();
      use(ranks_.slots_);
      ranks_.barrier_.arrive_and_wait();
    }
    [[noreturn]] static void refuse(const char* label) {
      throw base::InternalError(fmt::format("{}: threads as ranks have no such call", label));
    }

    ThreadRanks& ranks_;
    int rank_;
  };

  int size_;
  std::barrier<> barrier_;
  std::vector<std::vector<at::Tensor>> slots_;
  Mail mail_;
};

}  // namespace r1::test
