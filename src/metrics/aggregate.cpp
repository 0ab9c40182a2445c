#include "metrics/aggregate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/errors.h"
#include "base/random.h"

namespace r1::metrics {
namespace {

void raise(std::map<std::string, double>& extremes, const std::string& name, double value) {
  auto [entry, is_new] = extremes.try_emplace(name, value);
  // A NaN must not vanish in a maximum.
  if (!is_new && !(value <= entry->second)) entry->second = value;
}

double finite_or_nan(double value) {
  return std::isinf(value) && value < 0 ? std::numeric_limits<double>::quiet_NaN() : value;
}

}  // namespace

void Aggregate::add_mean(const std::string& name, double value, double weight) {
  means_[name].add(value, weight);
}

void Aggregate::add_spread(const std::string& name, double value) {
  Spread& spread = spreads_[name];
  spread.values.add(value);
  spread.squares += value * value;
}

void Aggregate::add_max(const std::string& name, double value) {
  raise(maxima_, name, value);
}

void Aggregate::add_min(const std::string& name, double value) {
  raise(minima_, name, -value);
}

void Aggregate::merge(const Aggregate& other) {
  for (const auto& [name, sum] : other.means_) means_[name].merge(sum);
  for (const auto& [name, spread] : other.spreads_) {
    spreads_[name].values.merge(spread.values);
    spreads_[name].squares += spread.squares;
  }
  for (const auto& [name, value] : other.maxima_) raise(maxima_, name, value);
  for (const auto& [name, value] : other.minima_) raise(minima_, name, value);
}

std::vector<double> Aggregate::sums() const {
  std::vector<double> flat;
  for (const auto& [name, sum] : means_) flat.insert(flat.end(), {sum.sum, sum.count});
  for (const auto& [name, spread] : spreads_)
    flat.insert(flat.end(), {spread.values.sum, spread.values.count, spread.squares});
  return flat;
}

std::vector<double> Aggregate::maxima() const {
  std::vector<double> flat;
  for (const auto& [name, value] : maxima_) flat.push_back(value);
  for (const auto& [name, value] : minima_) flat.push_back(value);
  flat.insert(flat.end(), {names_check(), -names_check()});
  return flat;
}

void Aggregate::set_reduced(const std::vector<double>& sums, const std::vector<double>& maxima) {
  R1_CHECK(sums.size() == 2 * means_.size() + 3 * spreads_.size(), "{} sums", sums.size());
  R1_CHECK(maxima.size() == maxima_.size() + minima_.size() + 2, "{} maxima", maxima.size());
  const double highest = maxima[maxima.size() - 2], lowest = -maxima.back();
  R1_CHECK(highest == names_check() && lowest == names_check(),
           "ranks aggregate statistics of different names");
  auto next = sums.begin();
  for (auto& [name, sum] : means_) {
    sum.sum = *next++;
    sum.count = *next++;
  }
  for (auto& [name, spread] : spreads_) {
    spread.values.sum = *next++;
    spread.values.count = *next++;
    spread.squares = *next++;
  }
  next = maxima.begin();
  for (auto& [name, value] : maxima_) value = *next++;
  for (auto& [name, value] : minima_) value = *next++;
}

std::vector<std::pair<std::string, double>> Aggregate::values() const {
  std::vector<std::pair<std::string, double>> named;
  for (const auto& [name, spread] : spreads_) {
    const double mean = spread.values.mean();
    const double variance = spread.squares / spread.values.count - mean * mean;
    named.emplace_back(name + "_mean", mean);
    // Rounding may leave a variance of -1e-17; a NaN mean must stay visible.
    named.emplace_back(name + "_std",
                       std::isnan(variance) ? variance : std::sqrt(std::max(variance, 0.0)));
  }
  for (const auto& [name, sum] : means_) named.emplace_back(name, sum.mean());
  for (const auto& [name, value] : maxima_) named.emplace_back(name, finite_or_nan(value));
  for (const auto& [name, value] : minima_) named.emplace_back(name, -finite_or_nan(value));
  return named;
}

double Aggregate::names_check() const {
  std::string all;
  const auto add = [&all](const auto& entries) {
    for (const auto& [name, value] : entries) all += name + "\n";
    all += "\n";
  };
  add(means_), add(spreads_), add(maxima_), add(minima_);
  // 52 bits, so that the double holds it exactly.
  return static_cast<double>(base::hash_name(all) >> 12);
}

}  // namespace r1::metrics
