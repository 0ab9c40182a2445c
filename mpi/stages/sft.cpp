// Supervised fine-tuning: cold start, SFT 1, SFT 2; DPO and reward models.
#include "config/stage_roles.h"
#include "roles/safety_term.h"
#include "stages/sft_objective.h"
#include "stages/stage_output.h"
#include "stages/stages.h"
#include "stages/supervised_data.h"

namespace r1::mpi {
base::ExitCode run_sft(Environment& environment, MpiCommunicator& world, const StageSetup& setup) {
  Run run(environment, world, setup, config::stage_roles(setup.config, setup.stage));
  RunLoop loop(run);
  const auto& sft = run.config().sft;
  SftObjective objective(run);
  const SupervisedData data(run, sft.max_length, objective.reader());
  SafetyTerm safety(run);
  Learner learner(run, run.config().model, data.total_steps(sft.epochs, sft.steps, sft.batch),
                  objective.has_score());
  HeldOutLoss held_out(run, loop, data.num_held_out(),
                       [&] { return objective.measure(learner, data.held_out()); });

  learner.persist(loop);

  auto step = loop.begin(data.total_steps(sft.epochs, sft.steps, sft.batch));
  held_out.before(step);
  export_missed(run, learner.active() ? &learner.trainer() : nullptr, step);
  for (; loop.goes_on(step); ++step) {
    const auto samples = data.batch(step, sft.batch);
    safety.sample(learner, data.prompts(step, sft.batch), step);
    auto result = learner.step(samples, objective.begin_step(learner, samples), step,
                               safety.gradient(learner), objective.samples_per_record());
    if (!loop.takes(step)) break;
    loop.write_samples(step, safety.answers());
    objective.add_metrics(learner, result.metrics);
    safety.add_metrics(learner, result);
    held_out.if_due(step, sft.eval_every, result.metrics);
    loop.finish_step(step, std::move(result.metrics), "loss");
    export_if_due(run, learner.active() ? &learner.trainer() : nullptr, step);
  }
  if (!loop.stopped_early())
    write_stage_output(run, learner.active() ? &learner.trainer() : nullptr,
                       held_out.summary(step));
  return loop.end();
}

}  // namespace r1::mpi
