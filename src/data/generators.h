#pragma once
// Problems with answers made from a seed: arithmetic, countdown, and small tasks of the guide's
// domains (mathematics, physics, chemistry, logic, code).
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random.h"

namespace r1::data {

/// Makes one record {problem, answer, type, level, ...} from a stream of random numbers.
using Generator = nlohmann::json (*)(base::RandomStream&);

/// nullptr: no such generator.
Generator find_generator(const std::string& name);
/// All names, comma separated.
std::string generator_names();
std::vector<std::string> generator_list();

struct GeneratedSets {
  std::vector<nlohmann::json> train;
  std::vector<nlohmann::json> held_out;
};

/// `num_train` problems (with repeats where the task has few) and up to `num_held_out` distinct
/// ones. A third of all questions is reserved for evaluation by the hash of their text: sets of any
/// size, seed, generator and stage never overlap. Throws: ConfigError on an unknown name.
GeneratedSets generate_sets(const std::string& name, std::int64_t num_train,
                            std::int64_t num_held_out, std::uint64_t seed);

}  // namespace r1::data
