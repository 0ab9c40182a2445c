#pragma once
// How engines that sample with the same weights share their work: every fixed number of decode
// steps each offers what it holds, and samples move from the one that holds more to the one that
// holds less. An engine knows its Balancer alone; who the other engines are is the balancer's
// business.
//
// A sample's tokens depend on the weights, its prompt and its seed, so that it may be finished by
// any engine: one that has begun continues from its prompt and the tokens it has.
#include <cstdint>
#include <vector>

#include "data/types.h"

namespace r1::generation {

/// Where a sample was asked for: requests[request] of that engine, its `sample`-th seed.
struct SampleOrigin {
  std::int64_t engine = 0;
  std::int64_t request = 0;
  std::int64_t sample = 0;
  std::int64_t group = 0;  // Request::group
};

/// A sample on its way to another engine. Completion: the tokens so far; empty: not begun.
struct MovedSample {
  SampleOrigin origin;
  std::uint64_t seed = 0;
  std::vector<data::TokenId> prompt_ids;
  data::Completion completion;
};

/// A finished sample on its way home, or one that is left unfinished.
struct FinishedSample {
  SampleOrigin origin;
  data::Completion completion;
};

/// What an engine holds between two decode steps, in samples.
struct EngineLoad {
  std::int64_t waiting = 0;       // for a slot: nothing is lost when they move
  std::int64_t running = 0;       // whose tokens the receiver has to compute again
  std::int64_t decode_steps = 0;  // done since the beginning of the call

  std::int64_t unfinished() const { return waiting + running; }
};

/// The unfinished samples of an engine, as a balancer sees them.
class SamplePool {
 public:
  virtual ~SamplePool() = default;
  virtual EngineLoad load() const = 0;
  /// Takes samples out of this engine: of the waiting ones the last, of the running ones those with
  /// the fewest tokens (the cheapest to compute again). Callers ask for no more than load() says.
  virtual std::vector<MovedSample> give(std::int64_t waiting, std::int64_t running) = 0;
  virtual void take(std::vector<MovedSample> samples) = 0;
  /// Groups (SampleOrigin::group) of the samples, own and others', that have finished here since
  /// the last call, each once for a sample.
  virtual std::vector<std::int64_t> take_finished() = 0;
};

class Balancer {
 public:
  virtual ~Balancer() = default;
  /// Number of this engine; SampleOrigin::engine of its own samples.
  virtual std::int64_t engine() const = 0;
  /// Decode steps from one balance() to the next. An engine that runs out of samples comes earlier.
  virtual std::int64_t interval() const = 0;
  /// Tokens of the longest prompt and number of samples that this engine may get to hold.
  virtual std::int64_t longest_prompt() const = 0;
  virtual std::int64_t most_samples() const = 0;
  /// Moves samples. False: the sampling ends, because all engines have finished all or because
  /// enough is finished. Collective over: the engines.
  virtual bool balance(SamplePool& pool) = 0;
  /// After the last balance(): samples of others go home, finished or not; those of this engine
  /// that others have come back. Collective over: the engines.
  virtual std::vector<FinishedSample> settle(std::vector<FinishedSample> guests) = 0;
};

}  // namespace r1::generation
