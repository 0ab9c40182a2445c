#include "roles/rollout_record.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/crc32c.h"
#include "base/errors.h"
#include "base/files.h"
#include "data/jsonl.h"
#include "data/record_reader.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

std::uint32_t crc_of(const data::Prompt& prompt) {
  return base::crc32c(prompt.token_ids.data(), prompt.token_ids.size() * sizeof(data::TokenId));
}

std::string record_folder(const std::string& run_folder) {
  return (fs::path(run_folder) / "rollouts").string();
}

std::string replica_file(const std::string& run_folder, int replica) {
  const auto folder = record_folder(run_folder);
  base::make_folders(folder);
  return fmt::format("{}/replica-{:05}.jsonl", folder, replica);
}

/// The answers of tools, in the order of their tokens.
void read_answers(const nlohmann::json& record, const std::string& where,
                  data::Completion& completion) {
  std::int64_t last = 0;
  for (const auto& answer : record.value("answers", nlohmann::json::array())) {
    completion.answers.push_back({answer.at("begin"), answer.at("end"), answer.at("call"),
                                  answer.at("text"), answer.at("status"), answer.at("seconds")});
    const auto& [begin, end, call, text, status, seconds] = completion.answers.back();
    const auto size = static_cast<std::int64_t>(completion.token_ids.size());
    if (begin < last || end < begin || end > size)
      throw base::InputError(fmt::format(
          "{}: an answer of a tool at tokens {} to {}: expected places in order among {} tokens",
          where, begin, end, size));
    last = end;
  }
}

}  // namespace

RolloutRecorder::RolloutRecorder(const std::string& run_folder, int replica)
    : file_(replica_file(run_folder, replica)) {}

void RolloutRecorder::add(std::int64_t step, std::span<const data::Rollout> rollouts) {
  for (const auto& rollout : rollouts) {
    const auto& completion = rollout.completion;
    nlohmann::json record{
        {"step", step},
        {"sample", rollout.sample},
        {"prompt_crc", crc_of(rollout.prompt)},
        {"token_ids", completion.token_ids},
        {"logprobs", completion.logprobs},
        {"finish", completion.finish_reason == data::FinishReason::Stop ? "stop" : "length"}};
    for (const auto& answer : completion.answers)
      record["answers"].push_back({{"begin", answer.begin},
                                   {"end", answer.end},
                                   {"call", answer.call},
                                   {"text", answer.text},
                                   {"status", answer.status},
                                   {"seconds", answer.seconds}});
    if (rollout.origin >= 0) record["group"] = rollout.origin;
    if (!completion.versions.empty()) record["versions"] = completion.versions;
    const auto& experts = completion.experts;
    if (!experts.empty())
      record["experts"] =
          base::to_base64({reinterpret_cast<const char*>(experts.data()), experts.size()});
    file_.append(record.dump() + "\n");
  }
}

RolloutReplay::RolloutReplay(const std::string& run_folder) : folder_(record_folder(run_folder)) {
  if (!fs::is_directory(folder_))
    throw base::InputError(fmt::format(
        "rl.replay: '{}' does not exist: expected the run folder of a run with rl.record_rollouts",
        folder_));
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path().extension() == ".jsonl") read(entry.path().string());
}

void RolloutReplay::read(const std::string& file) {
  data::read_records(
      file, {.bad_lines = 0}, [&](nlohmann::json&& record, const std::string& where) {
        try {
          Recorded recorded;
          recorded.prompt_crc = record.at("prompt_crc").get<std::uint32_t>();
          recorded.completion.token_ids = record.at("token_ids").get<std::vector<data::TokenId>>();
          recorded.completion.logprobs = record.at("logprobs").get<std::vector<double>>();
          recorded.completion.finish_reason =
              record.at("finish") == "stop" ? data::FinishReason::Stop : data::FinishReason::Length;
          read_answers(record, where, recorded.completion);
          recorded.origin = record.value("group", std::int64_t{-1});
          recorded.completion.versions =
              record.value("versions", decltype(recorded.completion.versions)());
          const auto experts = base::from_base64(record.value("experts", std::string()));
          recorded.completion.experts.assign(experts.begin(), experts.end());
          samples_[{record.at("step").get<std::int64_t>(),
                    record.at("sample").get<std::int64_t>()}] = std::move(recorded);
        } catch (const nlohmann::json::exception& error) {
          throw base::InputError(
              fmt::format("{}: not a recorded rollout: {}", where, error.what()));
        }
      });
}

const RolloutReplay::Recorded& RolloutReplay::find(std::int64_t step, std::int64_t sample) const {
  const auto found = samples_.find({step, sample});
  if (found == samples_.end())
    throw base::InputError(
        fmt::format("rl.replay: '{}' has no sample {} of step {}", folder_, sample, step));
  return found->second;
}

std::int64_t RolloutReplay::origin(std::int64_t step, std::int64_t sample) const {
  const auto& recorded = find(step, sample);
  if (recorded.origin < 0 || recorded.completion.versions.empty())
    throw base::InputError(
        fmt::format("rl.replay: '{}' was recorded without rl.partial_rollouts", folder_));
  return recorded.origin;
}

std::vector<data::Completion> RolloutReplay::completions(std::int64_t step,
                                                         const data::Prompt& prompt,
                                                         std::int64_t samples) const {
  std::vector<data::Completion> result;
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::int64_t sample = prompt.index * samples + i;
    const auto& found = find(step, sample);
    if (found.prompt_crc != crc_of(prompt))
      throw base::InputError(fmt::format(
          "rl.replay: '{}': sample {} of step {} was made of another prompt: data, tokenizer, seed "
          "or batch differ",
          folder_, sample, step));
    result.push_back(found.completion);
  }
  return result;
}

}  // namespace r1::mpi
