// The machines of configs/machines, and files of the same form.
#include "plan/machine.h"

#include <fstream>

#include "unit/config/config_support.h"

namespace r1::plan {
namespace {

using config::expect_contains;

PlanOptions on(const std::string& machine) {
  PlanOptions options;
  options.machine = machine;
  return options;
}

std::string problem_of(const std::string& machine) {
  try {
    find_machine(on(machine), "cuda");
  } catch (const base::ConfigError& error) {
    return error.what();
  }
  return {};
}

TEST(Machine, EveryKnownOneReadsAndChecks) {
  const auto names = machine_names();
  ASSERT_GE(names.size(), 6u);
  for (const std::string& name : names) {
    const Machine machine = find_machine(on(name), "cuda");
    EXPECT_EQ(machine.name, name);
    EXPECT_GT(machine.memory(), 0.0);
  }
  EXPECT_DOUBLE_EQ(find_machine(on("H200"), "cuda").flops("bf16"), 800e12);
  EXPECT_DOUBLE_EQ(find_machine(on("H200"), "cuda").bandwidth(), 4.3e12);
}

TEST(Machine, AutomaticIsByDevice) {
  EXPECT_EQ(find_machine(on("auto"), "cuda").name, "H100");
  EXPECT_FALSE(find_machine(on("auto"), "cpu").has_gpu());
}

TEST(Machine, OptionsOfThePlanWin) {
  PlanOptions options = on("H100");
  options.memory_gb = 96.0;
  options.train_efficiency = 0.3;
  const Machine machine = find_machine(options, "cuda");
  EXPECT_DOUBLE_EQ(machine.memory(), 96e9);
  EXPECT_DOUBLE_EQ(machine.train_efficiency, 0.3);
}

TEST(Machine, AnUnknownNameSuggestsTheNearest) {
  expect_contains(problem_of("H20"), "found \"H20\" (did you mean H200?)");
}

TEST(Machine, AFileIsReadStrictly) {
  const std::string path = testing::TempDir() + "gh200.toml";
  std::ofstream(path) << "memory_gb = 96.0\nmatmul_tflop = 1.0\n";
  expect_contains(problem_of(path), "gh200.toml:2: matmul_tflop");
  std::ifstream known(R1_SOURCE_DIR "/configs/machines/H200.toml");
  std::ofstream(path) << known.rdbuf();
  EXPECT_EQ(find_machine(on(path), "cuda").name, "gh200");
}

}  // namespace
}  // namespace r1::plan
