#include "metrics/writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "metrics/jsonl.h"
#include "support/temporary_folder.h"

namespace r1::metrics {
namespace {

StepMetrics metrics_of(std::int64_t step) {
  StepMetrics metrics;
  metrics.set("episode", static_cast<double>(step))
      .set("reward_mean", 1.0 / (3.0 + static_cast<double>(step)));
  return metrics;
}

}  // namespace

TEST(MetricsWriter, KeepsOrderAndFullPrecision) {
  StepMetrics metrics;
  metrics.set("zeta", 0.1)
      .set("alpha", 1.0 / 3.0)
      .set("note", std::string("a\"b"))
      .set("zeta", 0.2);
  EXPECT_EQ(to_json_line(7, "rl1", metrics),
            R"({"step":7,"stage":"rl1","zeta":0.2,"alpha":0.3333333333333333,"note":"a\"b"})");
  EXPECT_EQ(nlohmann::json::parse(to_json_line(7, "rl1", metrics))["alpha"].get<double>(),
            1.0 / 3.0);
}

TEST(MetricsWriter, WritesNotFiniteAsNullAndCountsIt) {
  test::TemporaryFolder folder;
  MetricsWriter writer(folder.path(), -1, false);
  StepMetrics metrics;
  metrics.set("a", std::nan("")).set("b", std::numeric_limits<double>::infinity()).set("c", 1.0);
  writer.write(1, "rl1", metrics);
  EXPECT_EQ(base::read_file(folder.path("metrics.jsonl")),
            "{\"step\":1,\"stage\":\"rl1\",\"a\":null,\"b\":null,\"c\":1.0,\"not_finite\":2}\n");
  EXPECT_EQ(writer.num_not_finite(), 2);
}

TEST(MetricsWriter, InvalidUtf8DoesNotBreakTheLine) {
  StepMetrics metrics;
  metrics.set("text", std::string("a\xff\nb"));
  EXPECT_FALSE(
      nlohmann::json::parse(to_json_line(1, "rl1", metrics), nullptr, false).is_discarded());
}

TEST(MetricsWriter, ContinuedFileEqualsAnUndisturbedOne) {
  test::TemporaryFolder undisturbed, continued;
  {
    MetricsWriter writer(undisturbed.path(), -1);
    for (std::int64_t step = 1; step <= 10; ++step) writer.write(step, "rl1", metrics_of(step));
  }
  {
    MetricsWriter writer(continued.path(), -1);
    for (std::int64_t step = 1; step <= 7; ++step) writer.write(step, "rl1", metrics_of(step));
  }
  // A process killed inside a write leaves half a line.
  std::ofstream(continued.path("metrics.jsonl"), std::ios::app) << R"({"step":8,"sta)";
  {
    MetricsWriter writer(continued.path(), 4);
    for (std::int64_t step = 5; step <= 10; ++step) writer.write(step, "rl1", metrics_of(step));
  }
  EXPECT_EQ(base::read_file(continued.path("metrics.jsonl")),
            base::read_file(undisturbed.path("metrics.jsonl")));
}

TEST(MetricsWriter, NewRunDropsOldRows) {
  test::TemporaryFolder folder;
  MetricsWriter(folder.path(), -1).write(1, "rl1", metrics_of(1));
  MetricsWriter(folder.path(), -1).write(2, "rl1", metrics_of(2));
  EXPECT_EQ(base::read_file(folder.path("metrics.jsonl")),
            to_json_line(2, "rl1", metrics_of(2)) + "\n");
}

TEST(SampleWriter, CutsBackToo) {
  test::TemporaryFolder folder;
  SampleRow sample;
  sample.parts["correctness"] = 1.0;
  {
    SampleWriter writer(folder.path(), -1);
    for (sample.step = 1; sample.step <= 3; ++sample.step) writer.write(sample);
  }
  SampleWriter writer(folder.path(), 2);
  sample.step = 2;
  std::int64_t last = 0, count = 0;
  for_each_line(folder.path("samples.jsonl"), [&](std::string_view line, bool) {
    last = nlohmann::json::parse(line)["step"];
    ++count;
  });
  EXPECT_EQ(last, 2);
  EXPECT_EQ(count, 2);
}

TEST(Jsonl, OverlongLinesAreSkipped) {
  test::TemporaryFolder folder;
  std::ofstream(folder.path("x.jsonl"))
      << "{\"step\":1}\n"
      << std::string(kMaxLineBytes + 1, 'x') << "\n{\"step\":2}\n";
  std::int64_t count = 0;
  EXPECT_EQ(for_each_line(folder.path("x.jsonl"), [&](std::string_view, bool) { ++count; }), 1);
  EXPECT_EQ(count, 2);
}

}  // namespace r1::metrics
