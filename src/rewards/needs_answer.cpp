#include "rewards/needs_answer.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "rewards/maths/verify.h"

namespace r1::rewards {

bool needs_answer(const RewardOptions& options) {
  return std::any_of(options.parts.begin(), options.parts.end(), [](const auto& part) {
    return part.name == "correctness" || part.name == "answer_in_tag" || part.name == "choice";
  });
}

bool can_read_answer(const RewardOptions& options, const std::string& answer) {
  return !options.has_part("correctness") ||
         maths::verify(answer, "\\boxed{1}").reason != "unparsable_gold";
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
