#include "checkpoint/kill_point.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <string>

namespace r1::checkpoint {

void test_kill_point(const char* name, std::int64_t step) {
  const char* wanted = std::getenv("R1_TEST_KILL_AT");
  if (wanted == nullptr) return;
  if (wanted == std::string(name) || wanted == fmt::format("{}:{}", name, step)) ::raise(SIGKILL);
}

}  // namespace r1::checkpoint
