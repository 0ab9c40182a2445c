#pragma once
// A fixed set of threads that execute the iterations of a loop.
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace r1::rewards {

/// Starts its threads once. Several threads may call run(); one loop runs at a time.
class ThreadPool {
 public:
  /// `num_threads` <= 1: no threads are started, and the caller does the work.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Calls body(i) for i in [0, count), in any order, and returns when all calls have returned.
  /// Throws: the first exception of a call.
  void run(std::size_t count, const std::function<void(std::size_t)>& body);

 private:
  void work();
  void take_all(std::unique_lock<std::mutex>& lock);

  std::mutex caller_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(std::size_t)>* body_ = nullptr;
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  std::size_t unfinished_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

}  // namespace r1::rewards
