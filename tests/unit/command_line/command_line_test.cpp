// The command line: what each form means, and the hints of mistyped ones.
#include "command_line.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace r1::mpi {
namespace {

ParsedCommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "r1mpi");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

/// The message of the error that the arguments cause.
std::string error_of(const std::vector<const char*>& arguments) {
  try {
    parse(arguments);
  } catch (const base::ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(CommandLineTest, StageWithOverrides) {
  const auto line = parse({"rl", "--config", "a.toml", "--run-dir", "runs/a", "--set", "rl.steps=3",
                           "--set=model.dtype=\"fp32\"", "--allow-config-change"})
                        .line;
  EXPECT_EQ(line.command, "rl");
  EXPECT_TRUE(line.is_stage());
  EXPECT_EQ(line.overrides, (std::vector<std::string>{"rl.steps=3", "model.dtype=\"fp32\""}));
  EXPECT_TRUE(line.allow_config_change);
}

TEST(CommandLineTest, GenerateIsAToolWithoutConfiguration) {
  const auto tool = parse({"generate", "--model", "m", "--input", "i", "--output", "o", "--greedy",
                           "--max-new", "16", "--ignore-eos", "--seed", "5"})
                        .line;
  EXPECT_TRUE(tool.is_tool());
  EXPECT_FALSE(tool.is_stage());
  EXPECT_EQ(tool.max_new, 16);
  EXPECT_TRUE(tool.greedy && tool.ignore_eos);
  EXPECT_TRUE(parse({"generate", "--config", "c", "--run-dir", "r"}).line.is_stage());
}

TEST(CommandLineTest, CheckNeedsNoRunFolder) {
  EXPECT_TRUE(parse({"sft", "--config", "a.toml", "--check"}).line.check);
  EXPECT_NE(error_of({"sft", "--config", "a.toml"}).find("--run-dir"), std::string::npos);
}

TEST(CommandLineTest, MistypedNamesGetAHint) {
  EXPECT_NE(error_of({"scoer"}).find("did you mean score?"), std::string::npos);
  EXPECT_NE(error_of({"rl", "--confg", "a.toml"}).find("did you mean --config?"),
            std::string::npos);
  EXPECT_NE(error_of({}).find("--help"), std::string::npos);
}

TEST(CommandLineTest, WrongValuesAreErrors) {
  EXPECT_NE(
      error_of({"generate", "--model", "m", "--input", "i", "--output", "o", "--max-new", "many"})
          .find("--max-new"),
      std::string::npos);
  EXPECT_NE(error_of({"convert", "--input", "i", "--output", "o", "--to", "xml"}).find("--to"),
            std::string::npos);
  EXPECT_NE(error_of({"score", "--input", "i", "--output", "o"}).find("--model"),
            std::string::npos);
}

TEST(CommandLineTest, HelpAndVersionAreAnswers) {
  EXPECT_NE(parse({"--version"}).answer.value().find("r1mpi "), std::string::npos);
  EXPECT_NE(parse({"--help"}).answer.value().find("distill"), std::string::npos);
  EXPECT_NE(parse({"score", "--help"}).answer.value().find("logprobs"), std::string::npos);
}

}  // namespace
}  // namespace r1::mpi
