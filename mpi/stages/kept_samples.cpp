#include "stages/kept_samples.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/crc32c.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "checkpoint/posix_file.h"
#include "data/dataset.h"
#include "data/json_text.h"
#include "data/jsonl.h"
#include "rewards/registry.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

/// The turns in front of the answer, where the record holds more than a question; else null.
nlohmann::json turns_before(const nlohmann::json& source, const data::DataOptions& options) {
  try {
    const auto problem = data::make_problem(source, options, "");
    if (!problem.turns.empty()) return nlohmann::json::parse(problem.turns);
  } catch (const base::InputError&) {
    // A generated problem has its own form.
  }
  return nullptr;
}

nlohmann::json record_of(const data::Rollout& rollout, const std::string& kind,
                         const data::DataOptions& options) {
  auto source = data::parse_json_or_discard(rollout.prompt.record);
  if (!source.is_object()) source = nlohmann::json::object();
  if (kind == "text") {
    source["completion"] = data::whole_answer(rollout);
    source["score"] = rollout.reward.total;
    return source;
  }
  if (kind == "rewrite") {
    source["output"] = data::whole_answer(rollout);
    return source;
  }
  nlohmann::json record{{"instruction", rollout.prompt.problem}, {"input", ""},
                        {"output", data::whole_answer(rollout)}, {"score", rollout.reward.total},
                        {"answer", rollout.prompt.answer},       {"type", rollout.prompt.domain}};
  if (auto turns = turns_before(source, options); kind == "sft" && !turns.is_null()) {
    turns.push_back({{"role", "assistant"}, {"content", data::whole_answer(rollout)}});
    for (const char* field : {"instruction", "input", "output"}) record.erase(field);
    record["messages"] = std::move(turns);
  }
  if (kind == "full") {  // what the prompt opened stands in the prompt
    record["output"] = rollout.completion.text;
    record["prompt"] = rollout.prompt.text;
    record["prompt_ids"] = rollout.prompt.token_ids;
    record["ids"] = rollout.completion.token_ids;
    record["logprobs"] = rollout.completion.logprobs;
    for (const auto& answer : rollout.completion.answers)
      record["answers"].push_back({{"begin", answer.begin},
                                   {"end", answer.end},
                                   {"call", answer.call},
                                   {"text", answer.text},
                                   {"status", answer.status}});
    record["parts"] = rollout.reward.parts;
    record["reason"] = rollout.reward.reason;
  }
  return record;
}

/// What a rule reward says of a completion, whether or not the run's reward has it as a part.
double rule(const rewards::Reward& reward, const data::Rollout& rollout) {
  rewards::RewardInput input;
  input.problem = rollout.prompt.problem;
  input.completion = data::whole_answer(rollout);
  return reward.score(input).parts.front().second;
}

/// The share of right samples, of which there is at least one.
double sampled_accuracy(std::span<const data::Rollout> rollouts) {
  const auto right =
      std::count_if(rollouts.begin(), rollouts.end(),
                    [](const data::Rollout& rollout) { return rollout.reward.reason == "ok"; });
  return static_cast<double>(right) / static_cast<double>(rollouts.size());
}

}  // namespace

KeptSamples::KeptSamples(const Run& run, std::string output)
    : run_(run),
      output_(std::move(output)),
      progress_file_(run.folder() + "/generate_progress.json"),
      format_(rewards::make_format(run.config().rewards)),
      language_(rewards::make_language_consistency(run.config().rewards)),
      repetition_(rewards::make_repetition(run.config().rewards)) {
  auto next = at::zeros({2}, at::kLong);
  run.together(
      [&] {
        if (!run.writes()) return;
        if (const auto parent = fs::path(output_).parent_path(); !parent.empty())
          base::make_folders(parent.string());
        if (!restore_progress()) {
          base::write_file_atomically(output_, "");
          bytes_ = 0;
          crc_ = 0;
        }
        next[0] = next_chunk_;
        next[1] = kept_;
      },
      "output of generate");
  run.world().broadcast(next, 0, "first chunk").wait();
  next_chunk_ = next[0].item<std::int64_t>();
  kept_ = next[1].item<std::int64_t>();
}

/// What an earlier start noted, when the output still holds what it noted: else all is sampled
/// again, which gives the same records.
bool KeptSamples::restore_progress() {
  if (!fs::exists(progress_file_)) return false;
  const auto json = base::parse_json(base::read_file(progress_file_), progress_file_);
  const auto bytes = json.at("bytes").get<std::uint64_t>();
  std::error_code error;
  const auto found = fs::file_size(output_, error);
  const auto refuse = [&](const std::string& why) {
    base::log_warning("{}: {}: all of it is sampled again", output_, why);
    return false;
  };
  if (error) return refuse(error.message());
  if (found < bytes)
    return refuse(fmt::format("expected {} bytes of earlier chunks, found {}", bytes, found));
  const auto crc = sum_of(0, bytes, 0);
  if (crc != json.at("crc32c").get<std::uint32_t>())
    return refuse("the records of earlier chunks are not those that were written");
  next_chunk_ = json.at("next_chunk");
  kept_ = json.at("kept");
  for (const auto& [domain, counts] : json.at("domains").items())
    domains_[domain] = {counts.at("seen"), counts.at("kept"),
                        counts.at("refused").get<std::map<std::string, std::int64_t>>()};
  fs::resize_file(output_, bytes);
  bytes_ = bytes;
  crc_ = crc;
  return true;
}

/// CRC32C of the output's bytes [begin, end), going on from `crc`.
std::uint32_t KeptSamples::sum_of(std::uint64_t begin, std::uint64_t end, std::uint32_t crc) const {
  const checkpoint::PosixFile file(output_, checkpoint::PosixFile::Mode::Read);
  std::vector<char> block(std::size_t{1} << 16);
  for (auto at = begin; at < end;) {
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), end - at));
    file.read_at(at, block.data(), bytes);
    crc = base::crc32c(block.data(), bytes, crc);
    at += bytes;
  }
  return crc;
}

bool KeptSamples::enough() {
  const auto limit = run_.config().generate.max_kept;
  if (limit == 0) return false;
  auto kept = at::full({1}, kept_, at::kLong);
  run_.world().broadcast(kept, 0, "kept samples").wait();
  return kept.item<std::int64_t>() >= limit;
}

std::string KeptSamples::refusal(const data::Rollout& rollout) const {
  const auto& keep = run_.config().generate.keep;
  const auto part = [&](const std::string& name, double missing) {
    const auto found = rollout.reward.parts.find(name);
    return found == rollout.reward.parts.end() ? missing : found->second;
  };
  const double score = keep.score == "total" ? rollout.reward.total : part(keep.score, 0.0);
  if (keep.finished && rollout.completion.finish_reason == data::FinishReason::Length)
    return "truncated";
  if (data::num_sampled(rollout.completion) < keep.min_tokens) return "too short";
  if (keep.correct && rollout.reward.reason != "ok") return "wrong";
  if (keep.format && rule(*format_, rollout) < 1.0) return "format";
  if (keep.one_language && rule(*language_, rollout) < keep.min_language_share) return "language";
  if (keep.max_repetition < 1.0 && 1.0 - rule(*repetition_, rollout) > keep.max_repetition)
    return "repetition";
  if (score < keep.min_reward) return "score";
  return "";
}

metrics::StepMetrics KeptSamples::add(std::span<const data::Rollout> rollouts, std::int64_t chunk) {
  metrics::StepMetrics metrics;
  run_.together(
      [&] {
        if (!run_.writes()) return;
        run_.require_folder();
        const auto& options = run_.config().generate;
        std::vector<const data::Rollout*> best;
        std::set<std::pair<std::int64_t, std::string>> known;
        for (const auto& rollout : rollouts) {
          ++account(rollout).seen;
          auto why = refusal(rollout);
          if (why.empty() && options.keep.distinct &&
              !known.emplace(rollout.group, rollout.completion.text).second)
            why = "double";
          if (!why.empty())
            ++account(rollout).refused[why];
          else
            best.push_back(&rollout);
        }
        std::stable_sort(best.begin(), best.end(), [](const auto* a, const auto* b) {
          return a->group != b->group ? a->group < b->group : a->reward.total > b->reward.total;
        });
        data::JsonlWriter writer(output_);
        std::map<std::int64_t, std::int64_t> per_prompt;
        for (const auto* rollout : best) {
          if (options.keep.max_per_prompt > 0 &&
              ++per_prompt[rollout->group] > options.keep.max_per_prompt) {
            ++account(*rollout).refused["enough of the prompt"];
            continue;
          }
          if (options.max_kept > 0 && kept_ >= options.max_kept) {
            ++account(*rollout).refused["enough in all"];
            continue;
          }
          writer.write(record_of(*rollout, options.record, run_.config().data));
          ++kept_;
          ++account(*rollout).kept;
        }
        writer.sync();
        note(chunk + 1);
        if (!rollouts.empty()) metrics.set("sampled_accuracy", sampled_accuracy(rollouts));
        metrics.set("kept", static_cast<double>(kept_));
        const auto seen = report().at("seen").get<double>();
        metrics.set("kept_share", static_cast<double>(kept_) / std::max(1.0, seen));
      },
      "writing kept samples");
  return metrics;
}

KeptSamples::Account& KeptSamples::account(const data::Rollout& rollout) {
  return domains_[rollout.prompt.domain.empty() ? "other" : rollout.prompt.domain];
}

nlohmann::json KeptSamples::report() const {
  Account all;
  auto domains = nlohmann::json::object();
  for (const auto& [domain, counts] : domains_) {
    domains[domain] = {{"seen", counts.seen}, {"kept", counts.kept}, {"refused", counts.refused}};
    all.seen += counts.seen;
    for (const auto& [reason, count] : counts.refused) all.refused[reason] += count;
  }
  return {{"seen", all.seen}, {"kept", kept_}, {"refused", all.refused}, {"domains", domains}};
}

void KeptSamples::note(std::int64_t next_chunk) {
  auto progress = report();
  progress["next_chunk"] = next_chunk;
  const auto bytes = fs::file_size(output_);
  crc_ = sum_of(bytes_, bytes, crc_);
  bytes_ = bytes;
  progress["bytes"] = bytes_;
  progress["crc32c"] = crc_;
  base::write_file_atomically(progress_file_, progress.dump(), base::FileOf::Run);
}

void KeptSamples::finish() {
  if (!run_.writes()) return;
  const auto account = report();
  base::write_file_atomically(output_ + ".report.json", account.dump(1));
  std::string reasons;
  for (const auto& [reason, count] : account["refused"].items())
    reasons += fmt::format("; {} {}", count.get<std::int64_t>(), reason);
  base::log_info("{}: kept {} of {} completions in {}{}", run_.stage(), kept_,
                 account["seen"].get<std::int64_t>(), output_, reasons);
  for (const auto& [domain, counts] : domains_)
    base::log_info("{}: {}: kept {} of {}", run_.stage(), domain, counts.kept, counts.seen);
  if (kept_ == 0)
    throw base::InputError(fmt::format("{}: no completion was kept{}", output_, reasons));
}

}  // namespace r1::mpi
