// Converts raw data to training records. One rank reads and writes; the other ranks wait for this
// rank.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/log.h"
#include "collective_errors.h"
#include "data/dataset.h"
#include "data/fields.h"
#include "data/generators.h"
#include "data/json_text.h"
#include "data/missing_answers.h"
#include "data/prepare.h"
#include "data/record_reader.h"
#include "hdf5_records.h"
#include "rewards/combine.h"
#include "rewards/votes.h"
#include "stages/stages.h"

namespace r1::mpi {
namespace {

/// Records of one input in their order; unreadable lines are added to `bad_lines`.
std::vector<nlohmann::json> read_source(const config::SourceOptions& source,
                                        const config::Config& config,
                                        std::vector<data::BadLine>& bad_lines) {
  std::vector<nlohmann::json> records;
  const data::RecordLimits limits{.bad_lines = config.data.max_bad_lines};
  if (!source.generator.empty()) {
    records = data::generate_sets(source.generator, source.count, 0,
                                  static_cast<std::uint64_t>(config.data.generate.seed))
                  .train;
  } else if (source.path.ends_with(".h5") || source.path.ends_with(".hdf5")) {
    records = read_hdf5_records(source.path, limits, bad_lines);
  } else {
    const auto bad = data::read_records(
        source.path, limits,
        [&](nlohmann::json&& record, const std::string&) { records.push_back(std::move(record)); });
    bad_lines.insert(bad_lines.end(), bad.begin(), bad.end());
  }
  if (source.count > 0 && static_cast<std::int64_t>(records.size()) > source.count)
    records.resize(static_cast<std::size_t>(source.count));
  for (auto& record : records) {
    if (!source.level.empty() && !record.contains("level")) record["level"] = source.level;
    if (!source.type.empty() && !record.contains("type")) record["type"] = source.type;
  }
  return records;
}

data::Reward score_record(const rewards::CombinedReward& reward, const nlohmann::json& record) {
  rewards::RewardInput input;
  input.problem = data::question_of(record);
  input.answer = data::first_field(record, {"answer"});
  input.completion = data::response_of(record);
  input.domain = data::first_field(record, {"type"});
  input.record = data::dump_json(record);
  return reward.score_one(input);
}

/// The response that most of a question's wordings got, when at least two and half of them did.
std::ptrdiff_t elect(const std::vector<std::string>& responses, const rewards::TagOptions& tags) {
  std::vector<std::string> votes;
  for (const auto& response : responses) votes.push_back(rewards::vote_of(response, "", tags));
  return rewards::majority_sample(votes, std::max<std::size_t>(2, (votes.size() + 1) / 2));
}

data::PrepareOptions rules_of(const config::Config& config, const rewards::CombinedReward* reward) {
  const auto& options = config.prepare;
  data::PrepareOptions rules;
  for (const auto& file : options.decontaminate)
    for (const auto& record : data::read_record_file(file))
      rules.evaluation_texts.push_back(data::question_of(record));
  rules.ngram = static_cast<int>(options.ngram);
  rules.language = options.language;
  rules.min_language_share = options.min_language_share;
  rules.max_repetition = options.max_repetition;
  rules.max_bytes = options.max_record_bytes;
  if (reward != nullptr && options.correct)
    rules.correctness = [reward](const auto& record) {
      return score_record(*reward, record).reason == "ok" ? 1.0 : 0.0;
    };
  if (reward != nullptr && options.min_quality > 0.0)
    rules.quality = [reward](const auto& record) { return score_record(*reward, record).total; };
  rules.min_quality = options.min_quality;
  rules.elect = [tags = config.rewards.tags](const auto& responses) {
    return elect(responses, tags);
  };
  return rules;
}

/// Why no record was kept, by reason; where the form is not known, the fields that the first has.
std::string nothing_kept(const data::FilterReport& report, const std::vector<nlohmann::json>& raw) {
  std::string text = fmt::format("prepare: no record was kept of {}", report.seen);
  for (const auto& [reason, count] : report.dropped) text += fmt::format(", {}: {}", reason, count);
  if (report.dropped.count("form") > 0 && !raw.empty())
    text += fmt::format(
        "; the first has the fields {}, expected a question and an answer by the names of "
        "configs/README.md (Records), or prepare.kind = \"generic\"",
        data::list_fields(data::dump_json(raw.front())));
  for (const auto& line : report.bad_lines)
    return text + fmt::format("; {}:{}: {}", line.file, line.line, line.reason);
  return text;
}

void prepare_records(const config::Config& config, const std::string& folder) {
  const auto& options = config.prepare;
  std::vector<nlohmann::json> raw;
  std::vector<data::BadLine> bad_lines;
  for (const auto& source : options.sources)
    for (auto& record : read_source(source, config, bad_lines)) raw.push_back(std::move(record));
  std::optional<rewards::CombinedReward> reward;
  if (!config.rewards.parts.empty()) reward.emplace(config.rewards);
  auto prepared = data::prepare(data::prepare_kind(options.kind), raw,
                                rules_of(config, reward ? &*reward : nullptr));
  prepared.report.bad_lines = std::move(bad_lines);
  auto& records = prepared.records;
  const auto most = static_cast<std::size_t>(options.max_records);
  if (most > 0 && records.size() > most) {
    prepared.report.dropped["max_records"] = static_cast<std::int64_t>(records.size() - most);
    prepared.report.kept = options.max_records;
    records.resize(most);
  }
  if (records.empty()) throw base::InputError(nothing_kept(prepared.report, raw));
  const auto output = options.output.empty() ? folder + "/data.jsonl" : options.output;
  if (const auto parent = std::filesystem::path(output).parent_path(); !parent.empty())
    base::make_folders(parent.string());
  std::string lines;
  for (const auto& record : records) lines += data::dump_json(record) + "\n";
  base::write_file_atomically(output, lines);
  std::filesystem::path report = options.report.empty() ? output + ".report.json" : options.report;
  base::write_file_atomically(report, prepared.report.to_json().dump(
                                          1, ' ', false, nlohmann::json::error_handler_t::replace));
  base::write_file_atomically(report.replace_extension(".txt"), prepared.report.to_text());
  base::log_info("prepare: {} of {} records in {}", records.size(), prepared.report.seen, output);
}

}  // namespace

base::ExitCode run_prepare(Environment& environment, MpiCommunicator& world,
                           const StageSetup& setup) {
  first_rank_alone(
      world,
      [&] {
        base::make_folders(setup.folder);
        prepare_records(setup.config, setup.folder);
      },
      "prepare");
  return base::ExitCode::Done;
}

}  // namespace r1::mpi
