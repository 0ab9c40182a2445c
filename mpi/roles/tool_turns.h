#pragma once
// Answers the model's turns during generation by [rollout.tools]. The first rank of a sampling
// replica has the worker processes; the other ranks of the replica get each answer from it.
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "generation/turn_taker.h"
#include "rewards/tools/turn_rules.h"
#include "rewards/workers/worker_pool.h"
#include "run.h"

namespace r1::mpi {

class ToolTurns final : public generation::TurnTaker {
 public:
  /// Whether the stage's samples are answered.
  static bool used(const Run& run);

  /// Starts the workers. `role`: the role whose replicas sample. Throws: ConfigError.
  ToolTurns(const Run& run, const std::string& role, const TextModel& text);
  ~ToolTurns() override;

  /// The prompts of the samples from now on, with consecutive indices; Request::group is a prompt's
  /// index. They outlive the samples.
  void set_prompts(std::span<const data::Prompt> prompts) { prompts_ = prompts; }

  std::int64_t wait_steps() const override;
  generation::TurnEnd turn_end(const data::Completion& completion, bool ended) const override;
  void ask(const generation::SampleOrigin& origin, const data::Completion& completion,
           bool ended) override;
  generation::TurnAnswer next_answer() override;
  void progress() override;

 private:
  struct Asked {
    std::uint64_t number = 0;  // in the pool
    std::string call;
  };
  std::string wait_for(std::uint64_t number);

  const Run& run_;
  const rewards::tools::ToolOptions& options_;
  parallel::Communicator& ranks_;  // of the replica
  rewards::tools::TurnRules rules_;
  std::unique_ptr<rewards::workers::WorkerPool> pool_;  // null: another rank has the workers
  std::span<const data::Prompt> prompts_;
  std::deque<Asked> asked_;
};

}  // namespace r1::mpi
