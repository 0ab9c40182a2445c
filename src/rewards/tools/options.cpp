#include "rewards/tools/options.h"

#include <tuple>

namespace r1::rewards::tools {

void ToolOptions::visit(base::OptionVisitor& v) {
  v.choice("kind", kind, {"none", "python", "command"},
           "who answers: nobody, the Python sandbox (the call is a program), or the command");
  v("command", command,
    "program (a path, or a name of PATH) and arguments; one instance per worker process reads and "
    "writes JSON lines");
  v("python", python, "the Python interpreter of kind = \"python\": a path, or a name of PATH");
  v("call_begin", call_begin,
    "text before a call; empty: the call begins where the model's turn begins");
  v("call_end", call_end, "text that ends a call, and with it the model's turn; empty: no calls");
  v("answer_begin", answer_begin,
    "text put before each answer; control tokens of the chat template may be in it");
  v("answer_end", answer_end, "text put behind each answer, likewise");
  v("every_turn", every_turn,
    "a turn that ends with the end token is answered too, without a call: the command is an "
    "environment and says when the episode is over");
  v("max_turns", max_turns,
    "turns of the model per sample; a call in the last one ends the sample");
  v("max_answer_tokens", max_answer_tokens, "an answer is cut after so many tokens");
  v("call_seconds", call_seconds, "wall-clock seconds of one call");
  v("output_bytes", output_bytes, "a program that prints more is ended; an answer is cut there");
  v("memory_mib", memory_mib, "address space of a program or of the command, MiB");
  v("workers", workers, "processes that answer calls, per sampling replica");
  v("wait_steps", wait_steps,
    "decode steps that other samples go on before an answer is waited for: a fixed number, so that "
    "a sample does not depend on how long a call takes");
}

void ToolOptions::check(const std::string& key, base::Problems& problems) const {
  if (!used()) return;
  const bool is_command = kind == "command";
  problems.require(!is_command || !command.empty(), key + ".command",
                   "kind = \"command\": expected a program");
  problems.require(is_command || command.empty(), key + ".command",
                   "only kind = \"command\" has a command");
  problems.require(is_command || !every_turn, key + ".every_turn",
                   "only kind = \"command\" is asked at every turn");
  problems.require(every_turn || !call_end.empty(), key + ".call_end",
                   "expected the text that ends a call, or every_turn = true");
  problems.require(call_seconds > 0.0 && call_seconds <= 86400.0, key + ".call_seconds",
                   "expected up to a day, in seconds");
  const std::tuple<const char*, std::int64_t, std::int64_t, std::int64_t> numbers[] = {
      {".max_turns", max_turns, 2, 1000},
      {".max_answer_tokens", max_answer_tokens, 1, 1 << 20},
      {".output_bytes", output_bytes, 1, std::int64_t{1} << 30},
      {".memory_mib", memory_mib, 16, 1 << 24},
      {".workers", workers, 1, 1024},
      {".wait_steps", wait_steps, 0, 1'000'000}};
  for (const auto& [name, value, least, most] : numbers)
    problems.require(value >= least && value <= most, key + name,
                     fmt::format("expected {} to {}, found {}", least, most, value));
}

}  // namespace r1::rewards::tools
