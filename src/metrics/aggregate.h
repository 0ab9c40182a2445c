#pragma once
// Averages over ranks: numerators and denominators are summed separately and divided once at the
// end.
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

  /// Adds `value`, the mean of `weight` items (tokens, samples).
  void add(double value, double weight = 1.0) {
    sum += value * weight;
    count += weight;
  }
  void merge(const Sum& other) {
    sum += other.sum;
    count += other.count;
  }
  /// NaN if nothing was counted.
  double mean() const {
    return count != 0.0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
  }
};

/// Named statistics of a step: of one rank, or of all ranks after merging. The caller must use the
/// same names on all ranks; a rank that may have no samples declares the names first.
class Aggregate {
 public:
  /// These functions create empty entries.
  void declare_mean(const std::string& name) { means_[name]; }
  void declare_spread(const std::string& name) { spreads_[name]; }
  void declare_max(const std::string& name) { maxima_.try_emplace(name, kLowest); }
  void declare_min(const std::string& name) { minima_.try_emplace(name, kLowest); }

  /// Produces "name", the mean over all added values.
  void add_mean(const std::string& name, double value, double weight = 1.0);
  /// Adds a numerator and denominator that were summed elsewhere.
  void add_sum(const std::string& name, const Sum& sum) { means_[name].merge(sum); }
  /// Produces "name_mean" and "name_std" (population standard deviation).
  void add_spread(const std::string& name, double value);
  void add_max(const std::string& name, double value);
  void add_min(const std::string& name, double value);

  void merge(const Aggregate& other);

  /// The values to reduce with a sum: (sum, count) per mean and (sum, count, squares) per spread,
  /// in the order of the names.
  std::vector<double> sums() const;
  /// The values to reduce with a maximum: the maxima, the negated minima, and a checksum of the
  /// names together with the negated checksum.
  std::vector<double> maxima() const;
  /// Stores the reduced results of sums() and maxima(). Throws: InternalError if ranks had
  /// different names.
  void set_reduced(const std::vector<double>& sums, const std::vector<double>& maxima);

  /// Every statistic by name, as a quotient; an empty mean or extreme is NaN.
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
