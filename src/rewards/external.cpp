// The external reward: a long-lived user-defined command that reads and writes one JSON line per
// sample.
//
// Input:  {"problem", "answer", "completion", "turns": [{"call", "answer", "status"}], "domain",
//         "record", "truncated", "num_tokens"}
// Output: {"score": [0, 1], "reason": text (optional)}, or only the number
// The detail external.failed is 1 for a sample that the command did not answer.
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "data/json_text.h"
#include "data/text.h"
#include "rewards/registry.h"
#include "rewards/sandbox/conversation.h"

namespace r1::rewards {
namespace {

/// Lives in a worker process, which is single-threaded.
class External : public Reward {
 public:
  explicit External(const RewardOptions& options)
      : timeout_(options.external.timeout),
        talker_("rewards.external.command", options.external.command,
                static_cast<std::uint64_t>(options.limits.memory_mib) << 20) {}

  RewardParts score(const RewardInput& input) const override {
    std::string answer;
    const auto ended = talker_.ask(request(input), timeout_, answer);
    if (ended == sandbox::Talk::Late) return failed("timeout");
    if (ended == sandbox::Talk::Died) return failed("limit");
    return read(answer);
  }

 private:
  static std::string request(const RewardInput& input) {
    const auto record = data::parse_json_or_discard(input.record);
    const auto turns = data::parse_json_or_discard(input.turns);
    const nlohmann::json fields{{"problem", input.problem},
                                {"answer", input.answer},
                                {"completion", input.completion},
                                {"turns", turns.is_discarded() ? nlohmann::json() : turns},
                                {"domain", input.domain},
                                {"record", record.is_discarded() ? nlohmann::json() : record},
                                {"truncated", input.truncated},
                                {"num_tokens", input.num_tokens}};
    auto line = data::dump_json(fields);
    line.push_back('\n');
    return line;
  }

  static RewardParts failed(const std::string& reason) {
    return {{{"external", 0.0}, {"external.failed", 1.0}}, reason};
  }

  RewardParts read(const std::string& answer) const {
    const auto json = nlohmann::json::parse(answer, nullptr, false);
    const auto& score = json.is_object() && json.contains("score") ? json["score"] : json;
    const double value = score.is_number() ? score.get<double>() : std::nan("");
    if (!(value >= 0.0 && value <= 1.0)) {
      base::log_warning("rewards.external: expected a line with a score in [0, 1], found: {}",
                        data::trim(answer.substr(0, 200)));
      talker_.forget();  // its next line may belong to this sample
      return failed("limit");
    }
    const bool says_why = json.is_object() && json.contains("reason") && json["reason"].is_string();
    return {{{"external", value}, {"external.failed", 0.0}},
            says_why ? json["reason"].get<std::string>() : ""};
  }

  double timeout_;
  mutable sandbox::Talker talker_;
};

}  // namespace

std::unique_ptr<Reward> make_external(const RewardOptions& options) {
  return std::make_unique<External>(options);
}

}  // namespace r1::rewards
