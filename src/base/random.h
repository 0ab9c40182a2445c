#pragma once
// Counter-based random numbers: a value is a function of (seed, counter), never of rank, thread or
// call order. Reference: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11
// (Philox4x32-10).
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace r1::base {

/// 64 random bits of (seed, counter).
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t counter);
/// Uniform double in [0, 1) of (seed, counter), 53 bits.
double uniform(std::uint64_t seed, std::uint64_t counter);
/// Standard normal of (seed, counter) (Box-Muller on counters 2c and 2c+1).
double normal(std::uint64_t seed, std::uint64_t counter);
/// A seed made of several numbers, order matters: derive_seed({run_seed, hash_name("rl1"), step,
/// sample}).
std::uint64_t derive_seed(std::initializer_list<std::uint64_t> parts);
/// FNV-1a of a name, for stage names in seeds.
std::uint64_t hash_name(std::string_view name);
/// A permutation of 0..n-1 that depends on the seed alone (Fisher-Yates).
std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t seed);

/// A stream over random_bits for generators that draw many numbers in a row.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : seed_(seed) {}
  std::uint64_t bits() { return random_bits(seed_, counter_++); }
  double uniform() { return base::uniform(seed_, counter_++); }
  /// Integer in [low, high], both included, without modulo bias worth speaking of (64 bits).
  std::int64_t integer(std::int64_t low, std::int64_t high);

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
};

}  // namespace r1::base
