#pragma once
// A balancer of one engine that ends the sampling before all samples are finished.
#include <vector>

#include "generation/balancer.h"

namespace r1::generation {

/// Ends the sampling at its n-th balance.
class Stopper final : public Balancer {
 public:
  explicit Stopper(int rounds) : rounds_(rounds) {}
  std::int64_t engine() const override { return 0; }
  std::int64_t interval() const override { return 5; }
  std::int64_t longest_prompt() const override { return 1; }
  std::int64_t most_samples() const override { return 1; }
  bool balance(SamplePool& pool) override {
    for (const auto group : pool.take_finished()) finished_groups.push_back(group);
    return --rounds_ > 0 && pool.load().unfinished() > 0;
  }
  std::vector<FinishedSample> settle(std::vector<FinishedSample> guests) override { return guests; }

  std::vector<std::int64_t> finished_groups;

 private:
  int rounds_;
};

}  // namespace r1::generation
