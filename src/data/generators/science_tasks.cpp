// Physics and chemistry with exact numbers as answers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <numeric>

#include "data/generators/support.h"
#include "data/generators/tasks.h"

namespace r1::data::tasks {
namespace {

/// Thousandths as the shortest decimal: 2500 -> "2.5".
std::string thousandths(std::int64_t value) {
  std::string text = fmt::format("{}.{:03}", value / 1000, value % 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

struct Equation {
  std::vector<const char*> left, right;
  std::vector<std::int64_t> coefficients;
};

const std::vector<Equation>& equations() {
  static const std::vector<Equation> table{
      {{"H2", "O2"}, {"H2O"}, {2, 1, 2}},
      {{"N2", "H2"}, {"NH3"}, {1, 3, 2}},
      {{"CH4", "O2"}, {"CO2", "H2O"}, {1, 2, 1, 2}},
      {{"C2H6", "O2"}, {"CO2", "H2O"}, {2, 7, 4, 6}},
      {{"C3H8", "O2"}, {"CO2", "H2O"}, {1, 5, 3, 4}},
      {{"C2H5OH", "O2"}, {"CO2", "H2O"}, {1, 3, 2, 3}},
      {{"C6H12O6", "O2"}, {"CO2", "H2O"}, {1, 6, 6, 6}},
      {{"Fe", "O2"}, {"Fe2O3"}, {4, 3, 2}},
      {{"Al", "O2"}, {"Al2O3"}, {4, 3, 2}},
      {{"Na", "Cl2"}, {"NaCl"}, {2, 1, 2}},
      {{"Na", "H2O"}, {"NaOH", "H2"}, {2, 2, 2, 1}},
      {{"KClO3"}, {"KCl", "O2"}, {2, 2, 3}},
      {{"H2O2"}, {"H2O", "O2"}, {2, 2, 1}},
      {{"P4", "O2"}, {"P2O5"}, {1, 5, 2}},
      {{"Fe2O3", "CO"}, {"Fe", "CO2"}, {1, 3, 2, 3}},
      {{"NH3", "O2"}, {"NO", "H2O"}, {4, 5, 4, 6}},
      {{"Zn", "HCl"}, {"ZnCl2", "H2"}, {1, 2, 1, 1}},
      {{"Al", "HCl"}, {"AlCl3", "H2"}, {2, 6, 2, 3}},
      {{"SO2", "O2"}, {"SO3"}, {2, 1, 2}},
      {{"FeS2", "O2"}, {"Fe2O3", "SO2"}, {4, 11, 2, 8}},
      {{"NaHCO3"}, {"Na2CO3", "H2O", "CO2"}, {2, 1, 1, 1}},
      {{"H2SO4", "NaOH"}, {"Na2SO4", "H2O"}, {1, 2, 1, 2}},
      {{"H3PO4", "NaOH"}, {"Na3PO4", "H2O"}, {1, 3, 1, 3}},
      {{"CaCO3", "HCl"}, {"CaCl2", "H2O", "CO2"}, {1, 2, 1, 1, 1}},
  };
  return table;
}

const Equation& random_equation(Random& random) {
  const auto last = static_cast<std::int64_t>(equations().size()) - 1;
  return equations()[static_cast<std::size_t>(random.integer(0, last))];
}

}  // namespace

Json kinematics(Random& random) {
  const auto start = random.integer(0, 30);
  const auto acceleration = 2 * random.integer(1, 5);
  const auto time = random.integer(2, 15);
  const auto end = start + acceleration * time;
  const auto way = start * time + acceleration / 2 * time * time;
  const std::string setting = fmt::format(
      "A car moves at {} m/s and accelerates at a constant {} m/s^2", start, acceleration);
  switch (random.integer(0, 2)) {
    case 0:
      return record(fmt::format("{} for {} s. What is its speed then, in m/s?", setting, time),
                    std::to_string(end), "physics");
    case 1:
      return record(
          fmt::format("{} for {} s. How many metres does it travel in that time?", setting, time),
          std::to_string(way), "physics");
    default:
      return record(fmt::format("{}. After how many seconds is its speed {} m/s?", setting, end),
                    std::to_string(time), "physics");
  }
}

Json energy(Random& random) {
  const auto mass = random.integer(1, 80);
  const auto value = random.integer(2, 40);
  switch (random.integer(0, 2)) {
    case 0:
      return record(fmt::format("What is the kinetic energy, in joules, of a body of {} kg that "
                                "moves at {} m/s?",
                                mass, value),
                    thousandths(500 * mass * value * value), "physics");
    case 1:
      return record(fmt::format("By how many joules does the potential energy of a body of {} kg "
                                "grow when it is lifted by {} m? Use g = 9.8 m/s^2.",
                                mass, value),
                    thousandths(9800 * mass * value), "physics");
    default:
      return record(fmt::format("A constant force of {} N moves a body by {} m in its direction. "
                                "What work is done, in joules?",
                                mass, value),
                    std::to_string(mass * value), "physics");
  }
}

Json circuits(Random& random) {
  const auto a = random.integer(1, 60);
  const auto b = random.integer(1, 60);
  const auto current = random.integer(1, 12);
  switch (random.integer(0, 2)) {
    case 0:
      return record(fmt::format("Two resistors of {} ohm and {} ohm are connected in series. What "
                                "voltage, in volts, drives a current of {} A through them?",
                                a, b, current),
                    std::to_string((a + b) * current), "physics");
    case 1: {
      const auto common = std::gcd(a * b, a + b);
      const auto bottom = (a + b) / common;
      return record(fmt::format("Two resistors of {} ohm and {} ohm are connected in parallel. "
                                "What is their total resistance in ohm, as a fraction or an "
                                "integer?",
                                a, b),
                    bottom == 1 ? std::to_string(a * b / common)
                                : fmt::format("{}/{}", a * b / common, bottom),
                    "physics");
    }
    default:
      return record(fmt::format("A current of {} A flows through a resistor of {} ohm. What power "
                                "does it take, in watts?",
                                current, a),
                    std::to_string(current * current * a), "physics");
  }
}

Json balance_equation(Random& random) {
  // The sides' terms in any order, so that there are several questions an equation.
  const Equation& equation = random_equation(random);
  std::vector<std::pair<std::string, std::int64_t>> left;
  std::vector<std::pair<std::string, std::int64_t>> right;
  for (std::size_t i = 0; i < equation.coefficients.size(); ++i) {
    const bool reactant = i < equation.left.size();
    (reactant ? left : right)
        .emplace_back(reactant ? equation.left[i] : equation.right[i - equation.left.size()],
                      equation.coefficients[i]);
  }
  shuffle(random, left);
  shuffle(random, right);
  std::vector<std::string> names[2];
  std::vector<std::int64_t> answer;
  for (const auto& [name, coefficient] : left) {
    names[0].push_back(name);
    answer.push_back(coefficient);
  }
  for (const auto& [name, coefficient] : right) {
    names[1].push_back(name);
    answer.push_back(coefficient);
  }
  Json out = record(fmt::format("Balance the equation {} -> {} with the smallest whole numbers. "
                                "Answer with the coefficients in this order, separated by commas.",
                                fmt::join(names[0], " + "), fmt::join(names[1], " + ")),
                    fmt::format("{}", fmt::join(answer, ", ")), "chemistry");
  out["scorer"] = "list";
  return out;
}

Json stoichiometry(Random& random) {
  const Equation& equation = random_equation(random);
  std::string sides[2];
  for (std::size_t i = 0; i < equation.coefficients.size(); ++i) {
    const bool reactant = i < equation.left.size();
    std::string& side = sides[reactant ? 0 : 1];
    const char* name = reactant ? equation.left[i] : equation.right[i - equation.left.size()];
    const auto n = equation.coefficients[i];
    side += (side.empty() ? "" : " + ") + (n == 1 ? name : fmt::format("{} {}", n, name));
  }
  const auto from = static_cast<std::size_t>(
      random.integer(0, static_cast<std::int64_t>(equation.left.size()) - 1));
  const auto to = static_cast<std::size_t>(
      random.integer(0, static_cast<std::int64_t>(equation.right.size()) - 1));
  const auto batches = random.integer(1, 40);
  return record(fmt::format("In the reaction {} -> {}, how many moles of {} form when {} moles of "
                            "{} react completely?",
                            sides[0], sides[1], equation.right[to],
                            batches * equation.coefficients[from], equation.left[from]),
                std::to_string(batches * equation.coefficients[equation.left.size() + to]),
                "chemistry");
}

Json dilution(Random& random) {
  // c1 v1 = c2 v2 with c in tenths of a mole per litre and whole millilitres.
  const auto factor = random.integer(2, 10);
  const auto weak = random.integer(1, 12);
  const auto volume = 5 * random.integer(1, 40);
  return record(
      fmt::format("How many millilitres of a {} mol/L stock solution are needed to make "
                  "{} mL of a {} mol/L solution?",
                  thousandths(100 * weak * factor), volume * factor, thousandths(100 * weak)),
      std::to_string(volume), "chemistry");
}

}  // namespace r1::data::tasks
