#include "data/generators.h"

#include <array>
#include <unordered_set>

#include "base/errors.h"
#include "data/generator_tasks.h"

namespace r1::data {
namespace {

struct Entry {
  const char* name;
  Generator make;
};

constexpr std::array kGenerators{
    Entry{"add1", tasks::add1},
    Entry{"add20", tasks::add20},
    Entry{"add12", tasks::add12},
    Entry{"add2", tasks::add2},
    Entry{"addsub1", tasks::addsub1},
    Entry{"addsub2", tasks::addsub2},
    Entry{"countdown", tasks::countdown},
    Entry{"linear_equation", tasks::linear_equation},
    Entry{"sequence", tasks::sequence},
    Entry{"comparison", tasks::comparison},
    Entry{"unit_conversion", tasks::unit_conversion},
    Entry{"motion", tasks::motion},
    Entry{"molar_mass", tasks::molar_mass},
    Entry{"syllogism", tasks::syllogism},
    Entry{"ordering", tasks::ordering},
    Entry{"code_output", tasks::code_output},
};

nlohmann::json make_one(Generator make, std::uint64_t base_seed, std::int64_t index) {
  base::RandomStream random(base::derive_seed({base_seed, static_cast<std::uint64_t>(index)}));
  return make(random);
}

/// Distinct problems of the first draws; as many as a third of what 4,096 draws hold, 1,024 at
/// most.
std::vector<nlohmann::json> reserve(Generator make, std::uint64_t seed) {
  constexpr std::int64_t kDraws = 4096;
  constexpr std::size_t kMost = 1024;
  std::vector<nlohmann::json> distinct;
  std::unordered_set<std::string> seen;
  for (std::int64_t i = 0; i < kDraws; ++i) {
    nlohmann::json record = make_one(make, seed, i);
    if (seen.insert(record.at("problem").get<std::string>()).second)
      distinct.push_back(std::move(record));
  }
  distinct.resize(std::min(distinct.size() / 3, kMost));
  return distinct;
}

}  // namespace

Generator find_generator(const std::string& name) {
  for (const Entry& entry : kGenerators)
    if (name == entry.name) return entry.make;
  return nullptr;
}

std::vector<std::string> generator_list() {
  std::vector<std::string> names;
  for (const Entry& entry : kGenerators) names.emplace_back(entry.name);
  return names;
}

std::string generator_names() {
  return fmt::format("{}", fmt::join(generator_list(), ", "));
}

GeneratedSets generate_sets(const std::string& name, std::int64_t num_train,
                            std::int64_t num_held_out, std::uint64_t seed) {
  const Generator make = find_generator(name);
  if (make == nullptr)
    throw base::ConfigError(
        fmt::format("unknown generator '{}', known: {}", name, generator_names()));
  const std::uint64_t own = base::derive_seed({seed, base::hash_name(name)});
  GeneratedSets sets;
  sets.held_out = reserve(make, base::derive_seed({own, base::hash_name("held out")}));
  std::unordered_set<std::string> reserved;
  for (const auto& record : sets.held_out) reserved.insert(record.at("problem").get<std::string>());
  if (num_held_out < static_cast<std::int64_t>(sets.held_out.size()))
    sets.held_out.resize(static_cast<std::size_t>(num_held_out));
  const std::uint64_t train_seed = base::derive_seed({own, base::hash_name("train")});
  for (std::int64_t i = 0; static_cast<std::int64_t>(sets.train.size()) < num_train; ++i) {
    nlohmann::json record = make_one(make, train_seed, i);
    if (reserved.count(record.at("problem").get<std::string>()) == 0)
      sets.train.push_back(std::move(record));
  }
  return sets;
}

}  // namespace r1::data
