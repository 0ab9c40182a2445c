#include "metrics/report/run_data.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "metrics/jsonl.h"
#include "metrics/text.h"

namespace r1::metrics {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr std::size_t kMaxConfigBytes = 65536;
constexpr std::size_t kMaxNameBytes = 80;
constexpr double kMaxUnixSeconds = 1e11;

std::string text_of(const Json& row, const char* key, std::size_t max_bytes) {
  const auto entry = row.find(key);
  if (entry == row.end() || !entry->is_string()) return "";
  return shorten(entry->get_ref<const std::string&>(), max_bytes);
}

double number_of(const Json& row, const char* key, double otherwise) {
  const auto entry = row.find(key);
  return entry != row.end() && entry->is_number() ? entry->get<double>() : otherwise;
}

std::int64_t integer_of(const Json& row, const char* key) {
  const auto entry = row.find(key);
  return entry != row.end() && entry->is_number_integer() ? entry->get<std::int64_t>() : 0;
}

/// Calls use(row) for each line that is a JSON object; returns how many were not.
template <class Use>
std::int64_t for_each_object(const std::string& path, Use use) {
  std::int64_t num_bad = 0;
  num_bad += for_each_line(path, [&](std::string_view line, bool) {
    const Json row = Json::parse(line, nullptr, false);
    if (row.is_object()) {
      use(row);
    } else {
      ++num_bad;
    }
  });
  return num_bad;
}

void note_bad_lines(StageData& stage, const std::string& file, std::int64_t num_bad) {
  if (num_bad > 0)
    stage.notes.push_back(fmt::format("{}: {} lines could not be read", file, num_bad));
}

void read_metrics(const std::string& path, const ReadLimits& limits, StageData& stage) {
  std::map<std::string, std::size_t> index;
  const std::int64_t num_bad = for_each_object(path, [&](const Json& row) {
    const std::int64_t step = integer_of(row, "step");
    ++stage.num_rows;
    stage.last_step = std::max(stage.last_step, step);
    stage.num_not_finite += integer_of(row, "not_finite");
    for (const auto& [name, value] : row.items()) {
      if (name == "step" || name == "not_finite" || !value.is_number()) continue;
      if (name.size() > kMaxNameBytes) continue;
      const auto [entry, is_new] = index.try_emplace(name, stage.series.size());
      if (is_new && stage.series.size() < limits.max_series)
        stage.series.emplace_back(name, Series(limits.max_points));
      if (entry->second < stage.series.size())
        stage.series[entry->second].second.add(step, value.get<double>());
      if (index.size() > 4 * limits.max_series) index.erase(entry);
    }
  });
  note_bad_lines(stage, "metrics.jsonl", num_bad);
}

SampleRow sample_of(const Json& row, std::size_t max_text) {
  SampleRow sample;
  sample.step = integer_of(row, "step");
  sample.sample = integer_of(row, "sample");
  sample.problem = text_of(row, "problem", max_text);
  sample.answer = text_of(row, "answer", 500);
  sample.prompt = text_of(row, "prompt", max_text);
  sample.completion = text_of(row, "completion", max_text);
  sample.reward = number_of(row, "reward", std::numeric_limits<double>::quiet_NaN());
  sample.reason = text_of(row, "reason", kMaxNameBytes);
  sample.finish_reason = text_of(row, "finish_reason", kMaxNameBytes);
  const auto parts = row.find("parts");
  if (parts == row.end() || !parts->is_object()) return sample;
  for (const auto& [name, value] : parts->items())
    if (value.is_number() && sample.parts.size() < 24)
      sample.parts[shorten(name, kMaxNameBytes)] = value.get<double>();
  return sample;
}

/// Keeps every n-th sample, n doubling, then spreads the wanted number over those.
void read_samples(const std::string& path, const ReadLimits& limits, StageData& stage) {
  std::vector<SampleRow> kept;
  std::int64_t every = 1;
  const std::int64_t num_bad = for_each_object(path, [&](const Json& row) {
    if (stage.num_samples++ % every != 0) return;
    kept.push_back(sample_of(row, limits.max_text));
    if (kept.size() <= 8 * limits.max_samples) return;
    for (std::size_t i = 1; 2 * i < kept.size(); ++i) kept[i] = std::move(kept[2 * i]);
    kept.resize((kept.size() + 1) / 2);
    every *= 2;
  });
  note_bad_lines(stage, "samples.jsonl", num_bad);
  const std::size_t count = std::min(limits.max_samples, kept.size());
  for (std::size_t i = 0; i < count; ++i)
    stage.samples.push_back(kept[count == 1 ? 0 : i * (kept.size() - 1) / (count - 1)]);
}

void read_timeline(const std::string& path, const ReadLimits& limits, std::int64_t& every,
                   StageData& stage) {
  const std::int64_t num_bad = for_each_object(path, [&](const Json& row) {
    TimelineSpan span;
    span.step = integer_of(row, "step");
    if (span.step % every != 0) return;
    span.rank = static_cast<int>(std::clamp<std::int64_t>(integer_of(row, "rank"), 0, 1 << 24));
    span.role = text_of(row, "role", kMaxNameBytes);
    span.name = text_of(row, "name", kMaxNameBytes);
    span.begin = number_of(row, "begin", 0.0);
    span.end = number_of(row, "end", 0.0);
    if (!(span.begin >= 0.0 && span.end >= span.begin && span.end < kMaxUnixSeconds)) return;
    stage.spans.push_back(std::move(span));
    while (stage.spans.size() > limits.max_spans && every < (std::int64_t{1} << 40)) {
      every *= 2;
      std::erase_if(stage.spans, [&](const TimelineSpan& s) { return s.step % every != 0; });
    }
    if (stage.spans.size() > limits.max_spans) stage.spans.pop_back();
  });
  note_bad_lines(stage, fs::path(path).filename(), num_bad);
}

void read_timelines(const std::string& folder, const ReadLimits& limits, StageData& stage) {
  std::vector<std::string> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("timeline") && name.ends_with(".jsonl")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::int64_t every = 1;
  for (const std::string& file : files) read_timeline(file, limits, every, stage);
  // A step of a file read early may be one that a later file thinned out.
  std::erase_if(stage.spans, [&](const TimelineSpan& s) { return s.step % every != 0; });
}

std::string read_config(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {};
  auto file = base::open_stream(path);
  std::string text(kMaxConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return shorten(text, kMaxConfigBytes);
}

void read_summary(const std::string& path, StageData& stage) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return;
  const auto summary = Json::parse(read_config(path), nullptr, false);
  if (!summary.is_object()) {
    stage.notes.push_back("summary.json: expected a JSON object");
    return;
  }
  const double change = number_of(summary, "weight_change", -1.0);
  if (change >= 0.0) stage.weight_change = change;
  const auto held_out = summary.value("held_out", Json());
  const auto before = held_out.is_object() ? held_out.value("before", Json()) : Json();
  const auto after = held_out.is_object() ? held_out.value("after", Json()) : Json();
  if (!before.is_object() || !after.is_object()) return;  // nothing was held out
  for (const char* measure : {"accuracy", "reward", "loss"})
    if (before.contains(measure) && after.contains(measure))
      stage.held_out.push_back(
          {measure, number_of(before, measure, 0.0), number_of(after, measure, 0.0)});
}

Json object_in(const std::string& path) {
  const auto object = Json::parse(read_config(path), nullptr, false);
  return object.is_object() ? object : Json::object();
}

Origin read_origin(const std::string& folder) {
  Origin origin;
  const auto resolved = object_in(folder + "/resolved.json");
  const auto config = resolved.value("config", Json::object());
  const auto model = config.is_object() ? config.value("model", Json::object()) : Json::object();
  if (model.is_object()) {
    origin.model = text_of(model, "path", 2 * kMaxNameBytes);
    const auto shape = model.value("shape", Json::object());
    if (text_of(model, "init", kMaxNameBytes) == "random")
      origin.model = "random weights" +
                     (shape.is_object() ? " " + text_of(shape, "family", kMaxNameBytes) : "");
  }
  origin.started = integer_of(object_in(folder + "/chosen.json"), "started");
  origin.num_ranks = integer_of(resolved, "world_size");
  origin.version = text_of(resolved, "version", kMaxNameBytes);
  const auto commit = text_of(resolved, "git_sha", kMaxNameBytes);
  if (!origin.version.empty() && !commit.empty()) origin.version += " (" + commit + ")";
  return origin;
}

StageData read_stage(const std::string& folder, const std::string& name, const ReadLimits& limits) {
  StageData stage;
  stage.name = name;
  stage.config = read_config(folder + "/resolved.toml");
  stage.origin = read_origin(folder);
  read_metrics(folder + "/metrics.jsonl", limits, stage);
  read_samples(folder + "/samples.jsonl", limits, stage);
  read_timelines(folder, limits, stage);
  read_summary(folder + "/summary.json", stage);
  return stage;
}

bool has_content(const StageData& stage) {
  return stage.num_rows > 0 || !stage.samples.empty() || !stage.spans.empty();
}

/// Folders of a folder, by name.
std::vector<fs::path> folders_in(const std::string& folder) {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.is_directory()) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// Run folders inside a run folder: distill trains each of several students in one of its own.
std::vector<StageData> read_students(const std::string& folder, const std::string& prefix,
                                     const ReadLimits& limits) {
  std::vector<StageData> students;
  for (const fs::path& student : folders_in(folder))
    if (fs::exists(student / "metrics.jsonl") && students.size() < limits.max_stages)
      students.push_back(read_stage(student, prefix + student.filename().string(), limits));
  return students;
}

}  // namespace

const Series* StageData::find(const std::string& metric) const {
  for (const auto& [name, values] : series)
    if (name == metric && !values.empty()) return &values;
  return nullptr;
}

RunData read_run(const std::string& folder, const ReadLimits& limits) {
  if (!fs::is_directory(folder))
    throw base::InputError(fmt::format("{}: expected a run folder, found none", folder));
  RunData run;
  const fs::path path = fs::absolute(folder).lexically_normal();
  run.title = path.has_filename() ? path.filename() : path.parent_path().filename();
  std::string note;
  run.evaluation = read_evaluation(folder, note);
  if (!note.empty()) run.notes.push_back(note);
  StageData own = read_stage(folder, run.title, limits);
  run.config = own.config;
  if (has_content(own)) run.stages.push_back(std::move(own));
  for (StageData& student : read_students(folder, "", limits))
    run.stages.push_back(std::move(student));
  std::vector<fs::path> stage_folders = folders_in(folder + "/stages");
  if (stage_folders.size() > limits.max_stages) {
    run.notes.push_back(
        fmt::format("{} stages, the first {} are shown", stage_folders.size(), limits.max_stages));
    stage_folders.resize(limits.max_stages);
  }
  for (const fs::path& stage_folder : stage_folders) {
    const std::string name = stage_folder.filename();
    auto students = read_students(stage_folder, name + "/", limits);
    StageData stage = read_stage(stage_folder, name, limits);
    if (students.empty() || has_content(stage)) run.stages.push_back(std::move(stage));
    for (StageData& student : students) run.stages.push_back(std::move(student));
  }
  return run;
}

}  // namespace r1::metrics
