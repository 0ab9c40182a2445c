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

// reasoning-gym's names, metadata and answer formats; scored by the puzzle reward.
nlohmann::json chain_sum(base::RandomStream& random);
nlohmann::json decimal_chain_sum(base::RandomStream& random);
nlohmann::json basic_arithmetic(base::RandomStream& random);
nlohmann::json products(base::RandomStream& random);
nlohmann::json gcd(base::RandomStream& random);
nlohmann::json lcm(base::RandomStream& random);
nlohmann::json prime_factorization(base::RandomStream& random);
nlohmann::json count_bits(base::RandomStream& random);
nlohmann::json base_conversion(base::RandomStream& random);
nlohmann::json fraction_simplification(base::RandomStream& random);
nlohmann::json simple_equations(base::RandomStream& random);
nlohmann::json number_sorting(base::RandomStream& random);
nlohmann::json letter_counting(base::RandomStream& random);
nlohmann::json spell_backward(base::RandomStream& random);
nlohmann::json word_sorting(base::RandomStream& random);
nlohmann::json word_sequence_reversal(base::RandomStream& random);
nlohmann::json caesar_cipher(base::RandomStream& random);
nlohmann::json leg_counting(base::RandomStream& random);
nlohmann::json binary_matrix(base::RandomStream& random);
nlohmann::json rotate_matrix(base::RandomStream& random);
nlohmann::json spiral_matrix(base::RandomStream& random);
/// With one solution each.
nlohmann::json mini_sudoku(base::RandomStream& random);
nlohmann::json sudoku(base::RandomStream& random);
nlohmann::json knights_knaves(base::RandomStream& random);
nlohmann::json family_relationships(base::RandomStream& random);

// Physics: constant acceleration; kinetic, potential energy and work; resistors.
nlohmann::json kinematics(base::RandomStream& random);
nlohmann::json energy(base::RandomStream& random);
nlohmann::json circuits(base::RandomStream& random);
// Chemistry: coefficients, moles, concentrations.
nlohmann::json balance_equation(base::RandomStream& random);
nlohmann::json stoichiometry(base::RandomStream& random);
nlohmann::json dilution(base::RandomStream& random);

/// No answer, but "tests": [{"input", "output"}] of a program that reads and prints.
nlohmann::json code_problem(base::RandomStream& random);

}  // namespace r1::data::tasks
