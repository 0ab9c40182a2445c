// The share of a record's verifiable instructions that an answer follows, IFEval's measure.
#include <algorithm>
#include <memory>
#include <vector>

#include "base/errors.h"
#include "data/json_text.h"
#include "data/text.h"
#include "rewards/instructions/verifiable.h"
#include "rewards/judged.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

using instructions::Instruction;

double share(const std::vector<Instruction>& list, const std::string& response,
             bool (*follows)(const Instruction&, const std::string&)) {
  const auto followed =
      std::count_if(list.begin(), list.end(),
                    [&](const Instruction& instruction) { return follows(instruction, response); });
  return static_cast<double>(followed) / static_cast<double>(list.size());
}

class InstructionFollowing : public Reward {
 public:
  explicit InstructionFollowing(const RewardOptions& options) : tags_(options.tags) {}

  RewardParts score(const RewardInput& input) const override {
    std::vector<Instruction> list;
    try {
      list = instructions::read_instructions(data::parse_json_or_discard(input.record));
    } catch (const base::InputError&) {
      return {{{"instructions", 0.0}}, "unparsable_gold", true};
    }
    const std::string response = data::trim(seen_text(input.completion, "answer", tags_));
    const double strict = share(list, response, instructions::follows_strictly);
    const double loose = share(list, response, instructions::follows_loosely);
    return {{{"instructions", strict}, {"instructions.loose", loose}},
            response.empty() ? "no_answer"
            : strict == 1.0  ? "ok"
                             : "wrong",
            false};
  }

 private:
  TagOptions tags_;
};

}  // namespace

std::unique_ptr<Reward> make_instructions(const RewardOptions& options) {
  return std::make_unique<InstructionFollowing>(options);
}

}  // namespace r1::rewards
