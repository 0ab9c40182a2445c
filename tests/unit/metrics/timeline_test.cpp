#include "metrics/timeline.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "metrics/jsonl.h"
#include "support/temporary_folder.h"

namespace r1::metrics {
namespace {

std::vector<nlohmann::json> rows_of(const std::string& path) {
  std::vector<nlohmann::json> rows;
  for_each_line(path,
                [&](std::string_view line, bool) { rows.push_back(nlohmann::json::parse(line)); });
  return rows;
}

Timeline::Options options_of(const test::TemporaryFolder& folder) {
  Timeline::Options options;
  options.folder = folder.path();
  options.rank = 3;
  options.role = "policy";
  return options;
}

}  // namespace

TEST(Timeline, WritesSpansOfItsRank) {
  test::TemporaryFolder folder;
  {
    Timeline timeline(options_of(folder));
    timeline.record("generate", 5, 10.0, 11.5);
    const auto span = timeline.span("wait_reward", 5);
  }
  const auto rows = rows_of(folder.path("timeline.00003.jsonl"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].dump(),
            R"({"begin":10.0,"end":11.5,"name":"generate","rank":3,"role":"policy","step":5})");
  EXPECT_EQ(rows[1]["name"], "wait_reward");
  EXPECT_LE(rows[1]["begin"].get<double>(), rows[1]["end"].get<double>());
}

// A role that serves others does not know which step it serves.
TEST(Timeline, SpansWithoutAStepBelongToTheStepThatRuns) {
  test::TemporaryFolder folder;
  Timeline timeline(options_of(folder));
  for (const std::int64_t step : {4, 5}) {
    timeline.begin_step(step);
    timeline.record("rewards", -1, 10.0, 11.5);
  }
  timeline.flush();
  const auto rows = rows_of(folder.path("timeline.00003.jsonl"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["step"], 4);
  EXPECT_EQ(rows[1]["step"], 5);
}

TEST(Timeline, StaysBoundedAndKeepsWholeSteps) {
  test::TemporaryFolder folder;
  auto options = options_of(folder);
  options.max_spans = 100;
  Timeline timeline(options);
  for (std::int64_t step = 0; step < 1000; ++step) {
    for (int i = 0; i < 5; ++i) timeline.record("update", step, 0.0, 1.0);
    timeline.flush();
  }
  std::map<std::int64_t, int> spans_of_step;
  for (const auto& row : rows_of(folder.path("timeline.00003.jsonl"))) ++spans_of_step[row["step"]];
  EXPECT_GE(spans_of_step.size(), 8u);
  EXPECT_LE(spans_of_step.size(), 20u);
  for (const auto& [step, count] : spans_of_step) EXPECT_EQ(count, 5) << step;
  EXPECT_GT(spans_of_step.rbegin()->first, 900);
}

TEST(Timeline, RestartCutsBack) {
  test::TemporaryFolder folder;
  auto options = options_of(folder);
  {
    Timeline timeline(options);
    for (std::int64_t step = 1; step <= 4; ++step) timeline.record("update", step, 0.0, 1.0);
  }
  options.last_step = 2;
  { Timeline timeline(options); }
  EXPECT_EQ(rows_of(folder.path("timeline.00003.jsonl")).size(), 2u);
}

}  // namespace r1::metrics
