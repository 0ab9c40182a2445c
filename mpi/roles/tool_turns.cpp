#include "roles/tool_turns.h"

#include "base/timer.h"
#include "checkpoint/agree.h"
#include "config/stage.h"
#include "rewards/tools/messages.h"
#include "rewards/workers/wire.h"

namespace r1::mpi {
namespace {

namespace tools = rewards::tools;
namespace workers = rewards::workers;

constexpr double kLookSeconds = 0.2;  // between two looks at an answer that is waited for
constexpr double kTellSeconds = 5.0;  // after which the other ranks hear that there is none yet
/// A call ends by its own limit. A worker that does not tell so is killed later: the command may
/// have been started twice.
constexpr double kWorkerGrace = 10.0;
constexpr std::int64_t kWorkerMemoryMib = 1024;

workers::PoolOptions pool_options(const tools::ToolOptions& options) {
  return {"rollout.tools",
          {workers::ServiceKind::Tools, kWorkerMemoryMib, tools::pack(options)},
          options.workers,
          2.0 * options.call_seconds + kWorkerGrace};
}

}  // namespace

bool ToolTurns::used(const Run& run) {
  return run.config().rollout.tools.used() && config::traits(run.kind()).answers;
}

ToolTurns::ToolTurns(const Run& run, const std::string& role, const TextModel& text)
    : run_(run),
      options_(run.config().rollout.tools),
      ranks_(run.groups().model_axes(role)[parallel::ModelAxis::Tensor]),
      rules_(options_, text.tokenizer) {
  if (ranks_.rank() != 0) return;
  pool_ = std::make_unique<workers::WorkerPool>(pool_options(options_));
  pool_->start();
}

ToolTurns::~ToolTurns() = default;

std::int64_t ToolTurns::wait_steps() const {
  return options_.wait_steps;
}

generation::TurnEnd ToolTurns::turn_end(const data::Completion& completion, bool ended) const {
  switch (rules_.turn_end(completion, ended)) {
    case tools::TurnEnd::Answered:
      return generation::TurnEnd::Answered;
    case tools::TurnEnd::Last:
      return generation::TurnEnd::Last;
    case tools::TurnEnd::No:
      break;
  }
  return generation::TurnEnd::No;
}

void ToolTurns::ask(const generation::SampleOrigin& origin, const data::Completion& completion,
                    bool ended) {
  const auto& prompt = prompts_[static_cast<std::size_t>(origin.group - prompts_.front().index)];
  auto call = rules_.call_of(completion, ended);
  call.problem = prompt.problem;
  call.answer = prompt.answer;
  call.domain = prompt.domain;
  call.record = prompt.record;
  asked_.push_back({pool_ ? pool_->submit(tools::pack(call)) : 0, std::move(call.call)});
  progress();
}

void ToolTurns::progress() {
  if (pool_ && !asked_.empty()) pool_->serve(0.0);
}

/// The answer and its seconds as bytes; none after kTellSeconds without an answer.
std::string ToolTurns::wait_for(std::uint64_t number) {
  const base::Stopwatch watch;
  auto outcome = pool_->take(number);
  for (; !outcome && watch.seconds() < kTellSeconds; outcome = pool_->take(number))
    pool_->serve(kLookSeconds);
  if (!outcome) return {};
  workers::Packer bytes;
  bytes.text(outcome->failure.empty() ? outcome->body
                                      : tools::pack(tools::failed(outcome->failure)));
  bytes.number(outcome->seconds);
  return bytes.take();
}

generation::TurnAnswer ToolTurns::next_answer() {
  auto asked = std::move(asked_.front());
  asked_.pop_front();
  std::string bytes;
  while (bytes.empty()) {  // a long wait is several short ones for the watchdogs of all ranks
    if (pool_) bytes = wait_for(asked.number);
    if (ranks_.size() > 1)
      bytes = checkpoint::broadcast_bytes(ranks_, bytes, 0, "answer of a tool");
    run_.progress();
  }
  workers::Unpacker in(bytes);
  auto answer = tools::unpack_answer(in.text());
  generation::TurnAnswer turn;
  turn.answer.seconds = in.number<double>();
  turn.token_ids = rules_.answer_ids(answer.text);
  turn.answer.call = std::move(asked.call);
  turn.answer.text = std::move(answer.text);
  turn.answer.status = std::move(answer.status);
  turn.done = answer.done;
  return turn;
}

}  // namespace r1::mpi
