#pragma once
// Counts the memory of CPU tensors that this thread allocates, independently of what the tested
// code says of itself.
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace r1::test {

/// While an object lives, it counts. Memory that is freed on other threads is not seen.
class CountedMemory {
 public:
  CountedMemory() : counts_(std::make_shared<Counts>()) {
    guard_ = std::make_unique<c10::DebugInfoGuard>(c10::DebugInfoKind::PROFILER_STATE, counts_);
  }
  /// The most bytes at a time beyond those at the start.
  std::int64_t peak() const { return counts_->peak; }

 private:
  class Counts final : public c10::MemoryReportingInfoBase {
   public:
    void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t,
                           c10::Device) override {
      now += size;
      peak = std::max(peak, now);
    }
    bool memoryProfilingEnabled() const override { return true; }

    std::int64_t now = 0, peak = 0;
  };

  std::shared_ptr<Counts> counts_;
  std::unique_ptr<c10::DebugInfoGuard> guard_;
};

}  // namespace r1::test
