#pragma once
// Scores of a benchmark from k samples per question: pass@1 with an interval, pass@k, cons@k.
#include <cstdint>
#include <map>
#include <vector>

namespace r1::metrics {

/// One answer to a question.
struct SampleResult {
  bool right = false;
  bool truncated = false;  // ended by the length limit
  std::int64_t num_tokens = 0;
};

/// The answers to one question, and whether the majority answer is correct.
struct QuestionResult {
  std::vector<SampleResult> samples;
  bool majority_right = false;
};

/// 1 - C(n - c, k) / C(n, k): the probability that at least one of k samples is correct, estimated
/// from n samples of which c are correct. Requires 1 <= k <= n. Reference: Chen et al., arXiv
/// 2107.03374, equation 1.
double pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k);

struct Interval {
  double low = 0.0, high = 0.0;
};
/// 95 % confidence interval of a proportion over n questions. Reference: Wilson, JASA 22 (1927).
Interval wilson_interval(double share, double n);

struct BenchmarkScore {
  double pass_at_1 = 0.0;                  // mean over questions of the share of correct samples
  Interval interval;                       // of pass_at_1, over the choice of questions
  std::map<std::int64_t, double> pass_at;  // k = 1, 2, 4, ..., at most the fewest samples
  double majority = 0.0;                   // cons@k
  double truncated_share = 0.0;
  double mean_tokens = 0.0;
  std::int64_t num_problems = 0, num_samples = 0;  // num_samples: over all questions
};

/// If the questions have several samples and their means differ, the interval is the normal
/// interval of the questions' means; otherwise it is Wilson's interval. Questions without samples
/// are left out.
BenchmarkScore score_benchmark(const std::vector<QuestionResult>& questions);

}  // namespace r1::metrics
