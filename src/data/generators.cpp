#include "data/generators.h"

#include <array>
#include <unordered_set>

#include "base/errors.h"
#include "data/generators/tasks.h"
#include "data/text.h"

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
    Entry{"chain_sum", tasks::chain_sum},
    Entry{"decimal_chain_sum", tasks::decimal_chain_sum},
    Entry{"basic_arithmetic", tasks::basic_arithmetic},
    Entry{"products", tasks::products},
    Entry{"gcd", tasks::gcd},
    Entry{"lcm", tasks::lcm},
    Entry{"prime_factorization", tasks::prime_factorization},
    Entry{"count_bits", tasks::count_bits},
    Entry{"base_conversion", tasks::base_conversion},
    Entry{"fraction_simplification", tasks::fraction_simplification},
    Entry{"simple_equations", tasks::simple_equations},
    Entry{"number_sorting", tasks::number_sorting},
    Entry{"letter_counting", tasks::letter_counting},
    Entry{"spell_backward", tasks::spell_backward},
    Entry{"word_sorting", tasks::word_sorting},
    Entry{"word_sequence_reversal", tasks::word_sequence_reversal},
    Entry{"caesar_cipher", tasks::caesar_cipher},
    Entry{"leg_counting", tasks::leg_counting},
    Entry{"binary_matrix", tasks::binary_matrix},
    Entry{"rotate_matrix", tasks::rotate_matrix},
    Entry{"spiral_matrix", tasks::spiral_matrix},
    Entry{"mini_sudoku", tasks::mini_sudoku},
    Entry{"sudoku", tasks::sudoku},
    Entry{"knights_knaves", tasks::knights_knaves},
    Entry{"family_relationships", tasks::family_relationships},
    Entry{"kinematics", tasks::kinematics},
    Entry{"energy", tasks::energy},
    Entry{"circuits", tasks::circuits},
    Entry{"balance_equation", tasks::balance_equation},
    Entry{"stoichiometry", tasks::stoichiometry},
    Entry{"dilution", tasks::dilution},
    Entry{"code_problem", tasks::code_problem},
};

/// A record of the generator with that name, which the record's "generator" says.
nlohmann::json make_one(Generator make, const std::string& name, std::uint64_t base_seed,
                        std::int64_t index) {
  base::RandomStream random(base::derive_seed({base_seed, static_cast<std::uint64_t>(index)}));
  auto record = make(random);
  record["generator"] = name;
  return record;
}

bool is_held_out(const nlohmann::json& record) {
  constexpr double kReserved = 1.0 / 3.0;  // add20 has 400 problems: about 130 to evaluate on
  return held_out_place(record.at("problem").get_ref<const std::string&>()) < kReserved;
}

/// Distinct reserved problems, fewer when so many draws do not find enough.
std::vector<nlohmann::json> draw_held_out(Generator make, const std::string& name,
                                          std::uint64_t seed, std::int64_t count) {
  constexpr std::int64_t kDrawsEach = 64;
  std::vector<nlohmann::json> records;
  std::unordered_set<std::string> seen;
  for (std::int64_t i = 0;
       i < kDrawsEach * count && static_cast<std::int64_t>(records.size()) < count; ++i) {
    nlohmann::json record = make_one(make, name, seed, i);
    if (is_held_out(record) && seen.insert(record.at("problem").get<std::string>()).second)
      records.push_back(std::move(record));
  }
  return records;
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
  sets.held_out = draw_held_out(make, name, base::derive_seed({own, base::hash_name("held out")}),
                                num_held_out);
  const std::uint64_t train_seed = base::derive_seed({own, base::hash_name("train")});
  for (std::int64_t i = 0; static_cast<std::int64_t>(sets.train.size()) < num_train; ++i) {
    nlohmann::json record = make_one(make, name, train_seed, i);
    if (!is_held_out(record)) sets.train.push_back(std::move(record));
  }
  return sets;
}

}  // namespace r1::data
