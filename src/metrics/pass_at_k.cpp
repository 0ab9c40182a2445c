#include "metrics/pass_at_k.h"

#include <algorithm>
#include <cmath>

namespace r1::metrics {
namespace {

constexpr double kNormal95 = 1.959963984540054;

Interval question_interval(const std::vector<double>& means, double mean, bool several) {
  const auto n = static_cast<double>(means.size());
  double squares = 0.0;
  for (const double m : means) squares += (m - mean) * (m - mean);
  if (!several || n < 2.0 || squares == 0.0) return wilson_interval(mean, n);
  const double half = kNormal95 * std::sqrt(squares / (n - 1.0) / n);
  return {std::max(0.0, mean - half), std::min(1.0, mean + half)};
}

}  // namespace

double pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k) {
  if (n - c < k) return 1.0;
  double none = 1.0;
  for (std::int64_t i = n - c + 1; i <= n; ++i)
    none *= 1.0 - static_cast<double>(k) / static_cast<double>(i);
  return 1.0 - none;
}

Interval wilson_interval(double share, double n) {
  if (n <= 0.0) return {0.0, 1.0};
  const double z2 = kNormal95 * kNormal95;
  const double centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
  const double half = kNormal95 / (1.0 + z2 / n) *
                      std::sqrt(std::max(0.0, share * (1.0 - share)) / n + z2 / (4.0 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

BenchmarkScore score_benchmark(const std::vector<QuestionResult>& questions) {
  BenchmarkScore score;
  std::vector<std::pair<std::int64_t, std::int64_t>> right_of;  // of n samples
  std::int64_t fewest = 0;
  std::vector<double> means;
  for (const QuestionResult& question : questions) {
    const auto n = static_cast<std::int64_t>(question.samples.size());
    if (n == 0) continue;
    std::int64_t right = 0;
    for (const SampleResult& sample : question.samples) {
      right += sample.right ? 1 : 0;
      score.truncated_share += sample.truncated ? 1.0 : 0.0;
      score.mean_tokens += static_cast<double>(sample.num_tokens);
    }
    right_of.emplace_back(right, n);
    fewest = means.empty() ? n : std::min(fewest, n);
    means.push_back(static_cast<double>(right) / static_cast<double>(n));
    score.majority += question.majority_right ? 1.0 : 0.0;
    score.num_samples += n;
  }
  if (means.empty()) return score;
  const auto n = static_cast<double>(means.size());
  score.num_problems = static_cast<std::int64_t>(means.size());
  score.truncated_share /= static_cast<double>(score.num_samples);
  score.mean_tokens /= static_cast<double>(score.num_samples);
  score.majority /= n;
  for (const double mean : means) score.pass_at_1 += mean / n;
  score.interval =
      question_interval(means, score.pass_at_1, score.num_samples > score.num_problems);
  for (std::int64_t k = 1; k <= fewest; k *= 2)
    for (const auto& [c, samples] : right_of) score.pass_at[k] += pass_at_k(samples, c, k) / n;
  return score;
}

}  // namespace r1::metrics
