#pragma once
// Scores of a benchmark from k samples a question: pass@1 with its interval, pass@k, cons@k.
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

/// The answers to one question, and whether the answer that most of them share is right.
struct QuestionResult {
  std::vector<SampleResult> samples;
  bool majority_right = false;
};

/// 1 - C(n - c, k) / C(n, k): the chance that one of k samples is right, from n samples of which c
/// are. Needs 1 <= k <= n. Reference: Chen et al., arXiv 2107.03374, equation 1.
double pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k);

struct Interval {
  double low = 0.0, high = 0.0;
};
/// 95 % interval of a share of n questions. Reference: Wilson, JASA 22 (1927).
Interval wilson_interval(double share, double n);

struct BenchmarkScore {
  double pass_at_1 = 0.0;                  // mean over questions of the share of right samples
  Interval interval;                       // of pass_at_1, over the draw of questions
  std::map<std::int64_t, double> pass_at;  // k = 1, 2, 4, ... up to the samples of every question
  double majority = 0.0;                   // cons@k
  double truncated_share = 0.0;
  double mean_tokens = 0.0;
  std::int64_t num_problems = 0, num_samples = 0;  // samples of all questions
};

/// The interval is the normal one of the questions' means when they vary and have several samples,
/// Wilson's otherwise. Questions without samples are left out.
BenchmarkScore score_benchmark(const std::vector<QuestionResult>& questions);

}  // namespace r1::metrics
