#pragma once
// The tasks behind generators.h, one function each.
#include <nlohmann/json.hpp>

#include "base/random.h"

namespace r1::data::tasks {

// Sums and differences of small numbers, as the CPU baselines train on.
nlohmann::json add1(base::RandomStream& random);     // 1..9 + 1..9
nlohmann::json add20(base::RandomStream& random);    // 1..20 + 1..20
nlohmann::json add12(base::RandomStream& random);    // two digits + one digit
nlohmann::json add2(base::RandomStream& random);     // two digits + two digits
nlohmann::json addsub1(base::RandomStream& random);  // a + b - c of one digit, not negative
nlohmann::json addsub2(base::RandomStream& random);  // a + b - c of two digits

/// Also "numbers" and "target"; always solvable with each number once.
nlohmann::json countdown(base::RandomStream& random);
nlohmann::json linear_equation(base::RandomStream& random);
nlohmann::json sequence(base::RandomStream& random);
nlohmann::json comparison(base::RandomStream& random);
nlohmann::json unit_conversion(base::RandomStream& random);
nlohmann::json motion(base::RandomStream& random);
nlohmann::json molar_mass(base::RandomStream& random);
nlohmann::json syllogism(base::RandomStream& random);
nlohmann::json ordering(base::RandomStream& random);
nlohmann::json code_output(base::RandomStream& random);

}  // namespace r1::data::tasks
