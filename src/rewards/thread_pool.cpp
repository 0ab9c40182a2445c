#include "rewards/thread_pool.h"

#include <utility>

namespace r1::rewards {

ThreadPool::ThreadPool(int num_threads) {
  for (int i = 0; num_threads > 1 && i < num_threads; ++i)
    threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(std::size_t count, const std::function<void(std::size_t)>& body) {
  if (threads_.empty()) {
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
  const std::lock_guard one_loop(caller_);
  std::unique_lock lock(mutex_);
  body_ = &body;
  next_ = 0;
  count_ = unfinished_ = count;
  wake_.notify_all();
  done_.wait(lock, [this] { return unfinished_ == 0; });
  body_ = nullptr;
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || (body_ != nullptr && next_ < count_); });
    if (stop_) return;
    take_all(lock);
  }
}

/// Takes iterations until none is left; the lock is held between them.
void ThreadPool::take_all(std::unique_lock<std::mutex>& lock) {
  while (next_ < count_) {
    const std::size_t i = next_++;
    const auto* body = body_;
    lock.unlock();
    std::exception_ptr error;
    try {
      (*body)(i);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_) error_ = error;
    if (--unfinished_ == 0) done_.notify_all();
  }
}

}  // namespace r1::rewards
