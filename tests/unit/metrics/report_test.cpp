#include "metrics/report.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/errors.h"
#include "metrics/report/run_data.h"
#include "metrics/timeline.h"
#include "metrics/writer.h"
#include "support/temporary_folder.h"

namespace r1::metrics {
namespace {

constexpr const char* kHostile = "</script><script>alert(1)</script>\"'&\xff";

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

SampleRow sample_at(std::int64_t step) {
  SampleRow sample;
  sample.step = step;
  sample.problem = "What is 2 + 2?";
  sample.answer = "4";
  sample.completion = "<think>two and two</think><answer>4</answer>";
  sample.reward = 0.9;
  sample.parts = {{"correctness", 1.0}, {"format", 0.5}};
  sample.reason = step > 50 ? "ok" : "wrong";
  sample.finish_reason = "stop";
  return sample;
}

void write_stage(const std::string& folder, const std::string& text) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/resolved.toml") << "[model]\npath = \"" << text << "\"\n";
  MetricsWriter metrics(folder, -1, false);
  SampleWriter samples(folder, -1);
  for (std::int64_t step = 1; step <= 100; ++step) {
    StepMetrics values;
    const double x = static_cast<double>(step);
    values.set("reward_mean", 0.01 * x).set("kl_token", 1e-4 * x).set("step_seconds", 2.0);
    metrics.write(step, "rl1", values.set(text, x));
    SampleRow sample = sample_at(step);
    sample.completion += text;
    sample.parts[text] = 0.5;
    samples.write(sample);
  }
  for (int rank = 0; rank < 2; ++rank) {
    Timeline timeline({folder, rank, rank ? "reward" : "policy"});
    timeline.record("generate", 10, 100.0, 103.0);
    timeline.record("wait_reward", 10, 103.0, 104.0);
    timeline.record(text, 10, 104.0, 104.5);
  }
}

std::string report_of(const test::TemporaryFolder& folder) {
  ReportInput input;
  input.folder = folder.path();
  return render_report(input);
}

void write_pipeline(const test::TemporaryFolder& folder, const std::string& text) {
  write_stage(folder.path("stages/01-rl_stage1"), text);
  write_stage(folder.path("stages/02-rl_stage2"), text);
  std::ofstream(folder.path("evaluation_results.json"))
      << R"({"rl_stage1_final":{"math_benchmark":0.25,"code_benchmark":0.5},"qwen-32b":{"math_benchmark":0.75}})";
  std::ofstream(folder.path("evaluation_details.json"))
      << R"({"qwen-32b":{"math_benchmark":{"low":0.711,"high":0.789,"num_problems":500,"num_samples":2000}}})";
}

}  // namespace

TEST(Report, ContainsEachPart) {
  test::TemporaryFolder folder;
  write_pipeline(folder, "plain");
  const std::string page = report_of(folder);
  for (const char* id :
       {"summary", "evaluation", "stages", "curves", "samples", "timeline", "appendix"})
    EXPECT_EQ(count(page, std::string("<section id=\"") + id + "\""), 1u) << id;
  EXPECT_NE(page.find("71.1 – 78.9"), std::string::npos) << "confidence interval";
  EXPECT_NE(page.find("Reward, mean of the batch"), std::string::npos);
  EXPECT_EQ(count(page, "<article class=\"sample"), 24u);
  EXPECT_NE(page.find("✓ right"), std::string::npos);
  EXPECT_NE(page.find("✗ wrong"), std::string::npos);
  EXPECT_NE(page.find("class=\"thinking\""), std::string::npos);
  // Two ranks, four and a half seconds, of which one is waited: per role 22.2 %.
  EXPECT_EQ(count(page, "<b>22.2 %</b>"), 4u);
  EXPECT_EQ(count(page, "class=\"line c1 s1\""), 4u) << "one line of stage 2 per metric";
}

TEST(Report, StageTableShowsWhatAStageChanged) {
  test::TemporaryFolder folder;
  write_pipeline(folder, "plain");
  std::ofstream(folder.path("stages/01-rl_stage1/summary.json"))
      << R"({"held_out":{"before":{"loss":2.75},"after":{"loss":1.25}},"weight_change":0.0125})";
  std::ofstream(folder.path("stages/02-rl_stage2/summary.json"))
      << R"({"held_out":{"before":null,"after":null},"weight_change":0.5})";
  const std::string page = report_of(folder);
  EXPECT_NE(page.find("loss <span class=\"quiet\">2.75</span> → <b class=\"good\">1.25</b>"),
            std::string::npos);
  EXPECT_NE(page.find(">1.2 %<"), std::string::npos);
  EXPECT_NE(page.find(">50 %<"), std::string::npos);
}

TEST(Report, ThreeAccuraciesHaveColumnsOfTheirOwn) {
  test::TemporaryFolder folder;
  const auto write = [&](const std::string& stage, const std::string& rows) {
    std::filesystem::create_directories(folder.path("stages/" + stage));
    std::ofstream(folder.path("stages/" + stage + "/metrics.jsonl")) << rows;
  };
  write("01-rl", "{\"step\":0,\"accuracy\":0.25,\"heldout_accuracy\":0.125}\n");
  write("02-generate", "{\"step\":0,\"sampled_accuracy\":0.75,\"kept\":3}\n");
  const std::string page = report_of(folder);
  const std::string before = "<td class=\"num\"><span class=\"quiet\">";
  for (const char* column : {"held-out accuracy", "batch accuracy", "sampled accuracy"})
    EXPECT_EQ(count(page, std::string("<th class=\"num\">") + column + "</th>"), 1u) << column;
  for (const char* value : {"12.5 %", "25.0 %", "75.0 %"})
    EXPECT_NE(page.find(before + value), std::string::npos) << value;
  EXPECT_LT(page.find(before + "12.5 %"), page.find(before + "25.0 %"));
}

TEST(Report, ScoresOfModelsAreNoCurve) {
  test::TemporaryFolder folder;
  std::ofstream(folder.path("metrics.jsonl"))
      << "{\"step\":0,\"model\":\"a\",\"suite\":\"s\",\"pass_at_1\":0.25,\"completion_length\":5}\n"
         "{\"step\":1,\"model\":\"b\",\"suite\":\"s\",\"pass_at_1\":0.5,\"completion_length\":6}\n";
  std::ofstream(folder.path("evaluation_results.json")) << R"({"a":{"s":0.25},"b":{"s":0.5}})";
  const std::string page = report_of(folder);
  EXPECT_EQ(count(page, "<figure class=\"chart\">"), 0u);
  EXPECT_EQ(count(page, "class=\"bar\" y="), 2u);
}

TEST(Report, TheHeadNamesModelDateRanksAndVersion) {
  test::TemporaryFolder folder;
  write_stage(folder.path(), "plain");
  std::ofstream(folder.path("resolved.json"))
      << R"({"config":{"model":{"path":"models/Qwen3-4B","init":"load"}},"version":"0.4","git_sha":"abc123","world_size":8})";
  std::ofstream(folder.path("chosen.json")) << R"({"started":1795981680})";
  const std::string page = report_of(folder);
  for (const char* fact :
       {"<dt>model</dt><dd>models/Qwen3-4B</dd>", "<dt>ranks</dt><dd>8</dd>",
        "<dt>started</dt><dd>2026-11-29 19:48 UTC</dd>", "<dt>r1mpi</dt><dd>0.4 (abc123)</dd>"})
    EXPECT_NE(page.find(fact), std::string::npos) << fact;
}

TEST(Report, SkippedStepsStandFirst) {
  test::TemporaryFolder folder;
  std::ofstream(folder.path("metrics.jsonl"))
      << "{\"step\":0,\"reward_mean\":0.5,\"skipped_steps\":0}\n"
         "{\"step\":1,\"reward_mean\":0.5,\"skipped_steps\":3}\n";
  const std::string page = report_of(folder);
  const auto tile = page.find("<div class=\"tile alarm\"><div class=\"label\">Skipped steps");
  EXPECT_NE(tile, std::string::npos);
  EXPECT_LT(tile, page.find("<div class=\"tile\">"));
}

TEST(Report, RareRewardsAreNotSmoothedAway) {
  test::TemporaryFolder folder;
  std::ofstream metrics(folder.path("metrics.jsonl"));
  for (int step = 0; step < 100; ++step)  // four of a hundred steps have a reward
    metrics << fmt::format("{{\"step\":{},\"reward_mean\":{}}}\n", step,
                           step % 25 == 12 ? 1.0 : 0.0);
  metrics.close();
  const std::string page = report_of(folder);
  const auto begin = page.find("<path d=\"", page.find("<path class=\"raw\""));
  const std::string path = page.substr(begin, page.find("\"/>", begin) - begin);
  std::set<std::string> heights;
  for (auto at = path.find(' ', 9); at != std::string::npos; at = path.find(' ', at + 1))
    heights.insert(path.substr(at + 1, path.find('L', at) - at - 1));
  EXPECT_GT(heights.size(), 1u) << path;
}

TEST(Report, EachStudentOfADistillationIsAStage) {
  test::TemporaryFolder folder;
  write_stage(folder.path("stages/01-distill/big"), "plain");
  write_stage(folder.path("stages/01-distill/small"), "plain");
  std::filesystem::create_directories(folder.path("stages/02-evaluate"));
  const std::string page = report_of(folder);
  EXPECT_NE(page.find("</i>distill/big</th>"), std::string::npos);
  EXPECT_NE(page.find("</i>distill/small</th>"), std::string::npos);
  EXPECT_EQ(page.find("</i>distill</th>"), std::string::npos);
  EXPECT_NE(page.find("</i>evaluate</th>"), std::string::npos);
}

TEST(Report, StudentsOfARunByItselfAreStages) {
  test::TemporaryFolder folder;
  write_stage(folder.path("small"), "plain");
  EXPECT_NE(report_of(folder).find("</i>small</th>"), std::string::npos);
}

TEST(Report, ReferencesNothingExternal) {
  test::TemporaryFolder folder;
  write_pipeline(folder, "plain");
  const std::string page = report_of(folder);
  for (const char* part :
       {"http://", "https://", "src=", "url(", "@import", "fetch(", "<link", "<img"})
    EXPECT_EQ(count(page, part), 0u) << part;
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(Report, EscapesHostileText) {
  test::TemporaryFolder plain, hostile;
  write_pipeline(plain, "plain");
  write_pipeline(hostile, kHostile);
  std::ofstream(hostile.path("evaluation_results.json"))
      << R"({"</title><script>":{"<img src=x onerror=alert(1)>":0.5}})";
  const std::string page = report_of(hostile);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find('\xff'), std::string::npos);
  EXPECT_EQ(count(page, "</script>"), count(report_of(plain), "</script>"));
  EXPECT_NE(page.find("&lt;script&gt;alert(1)"), std::string::npos);
}

TEST(Report, MissingAndDamagedFilesAreNoted) {
  test::TemporaryFolder folder;
  EXPECT_NE(report_of(folder).find("no measurements yet"), std::string::npos);
  std::ofstream(folder.path("metrics.jsonl"))
      << "{\"step\":1,\"loss\":null,\"a\":1e308,\"b\":-1e308}"
         "\nnot json\n[1]\n{\"step\":\"x\",\"a\":-1e308}\n";
  std::ofstream(folder.path("samples.jsonl")) << "{\"parts\":[],\"reward\":\"x\"}\n{";
  std::ofstream(folder.path("timeline.jsonl"))
      << "{\"begin\":5,\"end\":1}\n{\"begin\":1e300,\"end\":1e308,\"rank\":-7}\n";
  std::ofstream(folder.path("evaluation_results.json")) << "[";
  const std::string page = report_of(folder);
  EXPECT_NE(page.find("metrics.jsonl: 2 lines could not be read"), std::string::npos);
  EXPECT_NE(page.find("evaluation_results.json: expected a JSON object"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  ReportInput missing;
  missing.folder = folder.path("absent");
  EXPECT_THROW(render_report(missing), base::InputError);
}

TEST(Report, LongRunsAreThinnedOut) {
  test::TemporaryFolder folder;
  {
    std::ofstream metrics(folder.path("metrics.jsonl")), samples(folder.path("samples.jsonl")),
        timeline(folder.path("timeline.jsonl"));
    for (std::int64_t step = 1; step <= 5000; ++step) {
      metrics << R"({"step":)" << step << R"(,"stage":"s","loss":)" << step << "}\n";
      samples << to_json_line(sample_at(step)) << "\n";
      for (int i = 0; i < 4; ++i)
        timeline << R"({"rank":0,"role":"policy","name":"update","step":)" << step
                 << R"(,"begin":1,"end":2})"
                 << "\n";
    }
  }
  const RunData run = read_run(folder.path(), {});
  ASSERT_EQ(run.stages.size(), 1u);
  const auto points = run.stages[0].find("loss")->points();
  EXPECT_LE(points.size(), 400u);
  EXPECT_GE(points.size(), 200u);
  // Means of neighbours: the line y = x stays y = x, and the whole sum is kept.
  for (const Point& point : points) EXPECT_DOUBLE_EQ(point.mean, point.step);
  EXPECT_EQ(run.stages[0].find("loss")->sum(), 5000.0 * 5001 / 2);
  EXPECT_EQ(run.stages[0].samples.size(), 12u);
  EXPECT_EQ(run.stages[0].num_samples, 5000);
  EXPECT_EQ(run.stages[0].samples[0].step, 1);
  EXPECT_GT(run.stages[0].samples[11].step, 4800);
  EXPECT_LE(run.stages[0].spans.size(), 3000u);
  EXPECT_GE(run.stages[0].spans.size(), 1000u);
}

TEST(EvaluationTable, IsReadableText) {
  test::TemporaryFolder folder;
  write_pipeline(folder, "plain");
  std::string note;
  EXPECT_EQ(render_table(read_evaluation(folder.path(), note)),
            "model                 math_benchmark  code_benchmark\n"
            "rl_stage1_final               25.0 %          50.0 %\n"
            "qwen-32b         75.0 % [71.1, 78.9]               -\n");
  EXPECT_EQ(note, "");
}

}  // namespace r1::metrics
