// Supervised fine-tuning: cold start, SFT 1, SFT 2.
#include "config/stage_roles.h"
#include "roles/safety_term.h"
#include "stages/stage_output.h"
#include "stages/stages.h"
#include "stages/supervised_data.h"

namespace r1::mpi {
base::ExitCode run_sft(Environment& environment, MpiCommunicator& world, const StageSetup& setup) {
  Run run(environment, world, setup, config::stage_roles(setup.config, setup.stage));
  RunLoop loop(run);
  const auto& sft = run.config().sft;
  const SupervisedData data(run, sft.max_length, data::loss_on_of(sft.loss_on));
  SafetyTerm safety(run);
  Learner learner(run, run.config().model, data.total_steps(sft.epochs, sft.steps, sft.batch));
  HeldOutLoss held_out(run, loop, data.held_out());

  learner.persist(loop);

  auto step = loop.begin(data.total_steps(sft.epochs, sft.steps, sft.batch));
  held_out.before(learner, step);
  export_missed(run, learner.active() ? &learner.trainer() : nullptr, step);
  for (; loop.goes_on(step); ++step) {
    const auto samples = data.batch(step, sft.batch);
    safety.sample(learner, data.prompts(step, sft.batch), step);
    auto result = learner.step(samples,
                               training::cross_entropy(training::count_targets(samples),
                                                       run.config().trainer.logprob_chunk_tokens),
                               step, safety.gradient(learner));
    if (!loop.takes(step)) break;
    loop.write_samples(step, safety.answers());
    safety.add_metrics(learner, result);
    held_out.if_due(learner, step, sft.eval_every, result.metrics);
    loop.finish_step(step, std::move(result.metrics), "loss");
    export_if_due(run, learner.active() ? &learner.trainer() : nullptr, step);
  }
  if (!loop.stopped_early())
    write_stage_output(run, learner.active() ? &learner.trainer() : nullptr,
                       held_out.summary(learner, step));
  return loop.end();
}

}  // namespace r1::mpi
