#include "rewards/requirements.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "rewards/maths/verify.h"

namespace r1::rewards {

bool can_read_answer(const std::string& answer) {
  return maths::verify(answer, "\\boxed{1}").reason != "unparsable_gold";
}

std::string missing_program(const RewardOptions& options) {
  if (!options.has_part("external") || options.external.command.empty()) return {};
  const std::string& program = options.external.command.front();
  if (program.find('/') != std::string::npos)
    return ::access(program.c_str(), X_OK) == 0 ? "" : program;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return {};
  return program;
}

}  // namespace r1::rewards
