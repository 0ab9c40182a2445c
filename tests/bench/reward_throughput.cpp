// How long the rule rewards of one step take: 1,024 samples of about 2,000 tokens (8 kB), all rule
// parts, on threads and on worker processes.
//
//   build/bench_reward_throughput [SAMPLES [REPEATS]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/timer.h"
#include "rewards/combine.h"
#include "rewards/workers/spawner.h"

namespace {

using r1::rewards::CombinedReward;
using r1::rewards::RewardInput;
using r1::rewards::RewardOptions;

/// A chain of thought with equations, as a model of a maths task writes it.
std::string completion(int sample) {
  std::string text = "<think>\n";
  for (int step = 1; text.size() < 7800; ++step) {
    const int a = 17 * sample + step, b = 3 * step + sample % 11;
    text += fmt::format(
        "Step {}: we add what the {}th row gives, so {} + {} = {}. Then \\(x_{{{}}} = "
        "\\frac{{{}}}{{{}}}\\) follows from the line above, because the remainder is small.\n",
        step, step, a, b, a + b, step, a, b + 1);
    if (step % 6 == 0) text += "\n";
  }
  return text + fmt::format(
                    "</think>\n<answer>The result is \\(\\boxed{{\\frac{{{}}}{{{}}}}}\\)"
                    "</answer>",
                    sample % 3 == 0 ? 2 * sample + 2 : sample, 2 * sample + 4);
}

std::vector<RewardInput> step_of_samples(int count) {
  std::vector<RewardInput> inputs(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    RewardInput& input = inputs[static_cast<std::size_t>(i)];
    input.problem = "What is the ratio of the two sums?";
    input.answer = fmt::format("\\frac{{{}}}{{{}}}", i + 1, i + 2);
    input.completion = completion(i);
    input.num_tokens = 2000;
    input.max_tokens = 4096;
  }
  return inputs;
}

RewardOptions all_rule_parts() {
  RewardOptions options;
  for (const char* name :
       {"correctness", "format", "reasoning_quality", "response_quality", "readability",
        "consistency", "language_consistency", "repetition", "length", "overlong"})
    options.parts.push_back({name, 0.1, ""});
  return options;
}

void measure(const char* name, const RewardOptions& options, const std::vector<RewardInput>& inputs,
             int repeats) {
  const CombinedReward reward(options);
  reward.start();
  std::vector<double> seconds;
  double mean = 0.0;
  for (int i = 0; i < repeats; ++i) {
    const r1::base::Stopwatch watch;
    const auto rewards = reward.score(inputs);
    seconds.push_back(watch.seconds());
    mean = 0.0;
    for (const auto& one : rewards) mean += one.total / static_cast<double>(rewards.size());
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("%-22s median %.3f s, least %.3f s, %.0f samples/s, mean reward %.6f\n", name,
              seconds[seconds.size() / 2], seconds.front(),
              static_cast<double>(inputs.size()) / seconds[seconds.size() / 2], mean);
}

}  // namespace

int main(int argc, char** argv) {
  const r1::rewards::workers::Spawner spawner;
  const int samples = argc > 1 ? std::max(1, std::atoi(argv[1])) : 1024;
  const int repeats = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;
  const auto inputs = step_of_samples(samples);
  std::printf("%d samples of %zu bytes\n", samples, inputs.front().completion.size());
  RewardOptions options = all_rule_parts();
  measure("1 thread", options, inputs, repeats);
  options.threads = 2;
  measure("2 threads", options, inputs, repeats);
  for (const int workers : {1, 2}) {
    options.workers = workers;
    measure(workers == 1 ? "1 worker process" : "2 worker processes", options, inputs, repeats);
  }
}
