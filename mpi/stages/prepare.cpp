// Raw data to training records. One rank reads and writes; the others wait for it.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/log.h"
#include "collective_errors.h"
#include "data/generators.h"
#include "data/jsonl.h"
#include "data/prepare.h"
#include "rewards/combine.h"
#include "stages/stages.h"

namespace r1::mpi {
namespace {

std::vector<nlohmann::json> read_source(const config::SourceOptions& source,
                                        const config::Config& config) {
  auto records =
      source.generator.empty()
          ? data::read_jsonl(source.path, {.bad_lines = config.data.max_bad_lines})
          : data::generate_sets(source.generator, std::max<std::int64_t>(1, source.count), 0,
                                static_cast<std::uint64_t>(config.data.generate.seed))
                .train;
  if (source.count > 0 && static_cast<std::int64_t>(records.size()) > source.count)
    records.resize(static_cast<std::size_t>(source.count));
  for (auto& record : records) {
    if (!source.level.empty() && !record.contains("level")) record["level"] = source.level;
    if (!source.type.empty() && !record.contains("type")) record["type"] = source.type;
  }
  return records;
}

double part_of(const rewards::CombinedReward& reward, const std::string& part,
               const nlohmann::json& record) {
  const auto scored = reward.score_one({data::question_of(record), record.value("answer", ""),
                                        data::response_of(record), record.value("type", ""),
                                        record.dump(), false, 0, 0, {}});
  if (part == "total") return scored.total;
  return scored.reason == "ok" ? 1.0 : 0.0;
}

void prepare_records(const config::Config& config, const std::string& folder) {
  const auto& options = config.prepare;
  std::vector<nlohmann::json> raw;
  for (const auto& source : options.sources)
    for (auto& record : read_source(source, config)) raw.push_back(std::move(record));
  data::PrepareOptions rules;
  for (const auto& file : options.decontaminate)
    for (const auto& record : data::read_jsonl(file))
      rules.evaluation_texts.push_back(data::question_of(record));
  rules.ngram = static_cast<int>(options.ngram);
  rules.language = options.language;
  rules.min_language_share = options.min_language_share;
  rules.max_repetition = options.max_repetition;
  rules.max_bytes = options.max_record_bytes;
  std::optional<rewards::CombinedReward> reward;
  if (!config.rewards.parts.empty()) reward.emplace(config.rewards);
  if (reward && options.correct)
    rules.correctness = [&](const auto& record) { return part_of(*reward, "right", record); };
  if (reward && options.min_quality > 0.0)
    rules.quality = [&](const auto& record) { return part_of(*reward, "total", record); };
  rules.min_quality = options.min_quality;
  auto prepared = data::prepare(data::prepare_kind(options.kind), raw, rules);
  auto& records = prepared.records;
  if (options.max_records > 0 && static_cast<std::int64_t>(records.size()) > options.max_records)
    records.resize(static_cast<std::size_t>(options.max_records));
  if (records.empty())
    throw base::InputError("prepare: no record was kept: " + prepared.report.to_json().dump());
  const auto output = options.output.empty() ? folder + "/data.jsonl" : options.output;
  if (const auto parent = std::filesystem::path(output).parent_path(); !parent.empty())
    std::filesystem::create_directories(parent);
  std::string lines;
  for (const auto& record : records)
    lines += record.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  base::write_file_atomically(output, lines);
  base::write_file_atomically(options.report.empty() ? output + ".report.json" : options.report,
                              prepared.report.to_json().dump(1));
  base::log_info("prepare: {} of {} records in {}", records.size(), prepared.report.seen, output);
}

}  // namespace

base::ExitCode run_prepare(Environment& environment, MpiCommunicator& world,
                           const StageSetup& setup) {
  first_rank_alone(
      world,
      [&] {
        std::filesystem::create_directories(setup.folder);
        prepare_records(setup.config, setup.folder);
      },
      "prepare");
  return base::ExitCode::Done;
}

}  // namespace r1::mpi
