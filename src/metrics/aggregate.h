#pragma once
// Averages over ranks: sums and counts travel apart and are divided once, at the end.
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace r1::metrics {

/// A numerator and its denominator.
struct Sum {
  double sum = 0.0;
  double count = 0.0;

  /// A value that stands for `weight` things (tokens, samples); `value` is their mean.
  void add(double value, double weight = 1.0) {
    sum += value * weight;
    count += weight;
  }
  void merge(const Sum& other) {
    sum += other.sum;
    count += other.count;
  }
  /// NaN when nothing was counted.
  double mean() const {
    return count != 0.0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
  }
};

/// A step's named statistics of one rank, or after merging of all ranks. Keeping the names equal on
/// all ranks is the caller's part: a rank that may see no sample declares its names first.
class Aggregate {
 public:
  /// Makes the entries exist, empty.
  void declare_mean(const std::string& name) { means_[name]; }
  void declare_spread(const std::string& name) { spreads_[name]; }
  void declare_max(const std::string& name) { maxima_.try_emplace(name, kLowest); }
  void declare_min(const std::string& name) { minima_.try_emplace(name, kLowest); }

  /// Gives "name", the mean over everything added.
  void add_mean(const std::string& name, double value, double weight = 1.0);
  /// A numerator and denominator that were summed elsewhere.
  void add_sum(const std::string& name, const Sum& sum) { means_[name].merge(sum); }
  /// Gives "name_mean" and "name_std" (over the population).
  void add_spread(const std::string& name, double value);
  void add_max(const std::string& name, double value);
  void add_min(const std::string& name, double value);

  void merge(const Aggregate& other);

  /// What a communicator has to reduce with a sum: per mean (sum, count), per spread (sum, count,
  /// squares), in the names' order.
  std::vector<double> sums() const;
  /// What it has to reduce with a maximum: maxima, negated minima, and a check value of the names
  /// with its negative.
  std::vector<double> maxima() const;
  /// Takes both back after the reduction. Throws: InternalError when ranks had other names.
  void set_reduced(const std::vector<double>& sums, const std::vector<double>& maxima);

  /// Every statistic by name, divided now; an empty mean is NaN, an empty extreme is NaN.
  std::vector<std::pair<std::string, double>> values() const;

 private:
  struct Spread {
    Sum values;
    double squares = 0.0;
  };
  static constexpr double kLowest = -std::numeric_limits<double>::infinity();
  double names_check() const;

  std::map<std::string, Sum> means_;
  std::map<std::string, Spread> spreads_;
  std::map<std::string, double> maxima_;
  std::map<std::string, double> minima_;  // negated, so that both extremes are maxima
};

}  // namespace r1::metrics
