// r1mpi: the DeepSeek-R1 training recipe as one MPI program. main() shows the course of a run from
// start to end.
#include <cstdio>
#include <cstdlib>

#include "command_line.h"
#include "command_table.h"
#include "commands/commands.h"
#include "environment.h"
#include "rewards/workers/spawner.h"
#include "run_guarded.h"
#include "shutdown.h"
#include "stages/stages.h"

namespace {

int run(int argc, char** argv) {
  // Before MPI, whose start may take a minute: a signal that comes early is heeded at the first
  // step.
  const r1::mpi::SignalHandlers signals;
  r1::mpi::Environment environment(argc, argv);
  const auto parsed = r1::mpi::parse_command_line(argc, argv);
  const auto& line = parsed.line;
  if (parsed.answer) {
    if (environment.rank() == 0) std::fputs(parsed.answer->c_str(), stdout);
    return 0;
  }
  if (line.is_stage() && !line.check) {
    environment.require_all_tasks();
    return r1::mpi::run_stage_command(line, environment);
  }
  if (environment.rank() != 0) return 0;        // the rest is work for one process
  r1::mpi::SignalHandlers::restore_defaults();  // a tool ends when it is told to
  if (line.is_stage()) return r1::mpi::check_command(line, environment.size());
  return r1::mpi::find_command(line.command).run_tool(line);
}

}  // namespace

int main(int argc, char** argv) {
  // First of all: what starts reward workers must not be a copy of a process with MPI and threads.
  const r1::rewards::workers::Spawner spawner;
  const int code = r1::mpi::run_guarded([&] { return run(argc, argv); });
  // The first rank that exits with another code than 0 makes the launcher kill the others: all left
  // MPI together just now, and nothing slow (LibTorch's destructors, the spawner's) may part them.
  std::fflush(nullptr);
  std::_Exit(code);
}
