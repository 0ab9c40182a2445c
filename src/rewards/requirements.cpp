#include "rewards/requirements.h"

#include "rewards/maths/verify.h"
#include "rewards/sandbox/toolchain.h"

namespace r1::rewards {

bool can_read_answer(const std::string& answer) {
  return maths::verify(answer, "\\boxed{1}").reason != "unparsable_gold";
}

std::string missing_program(const RewardOptions& options) {
  if (!options.has_part("external") || options.external.command.empty()) return {};
  const std::string& program = options.external.command.front();
  return sandbox::find_program(program).empty() ? program : "";
}

}  // namespace r1::rewards
