// Distillation of a teacher to a student, by logits (exact KL from hidden states) on records or on
// the student's own answers, or by text that the teacher sampled.
#include "config/stage_roles.h"
#include "roles/student_answers.h"
#include "roles/teacher.h"
#include "stages/distillation_epochs.h"
#include "stages/stage_output.h"
#include "stages/stages.h"
#include "stages/supervised_data.h"
#include "training/distillation.h"

namespace r1::mpi {
namespace {

/// One student in the run folder of `setup`.
base::ExitCode distill_student(Environment& environment, MpiCommunicator& world,
                               const StageSetup& setup) {
  const bool by_logits =
      setup.config.distill.mode == "logits" && setup.config.distillation_loss.soft_weight > 0.0;
  Run run(environment, world, setup, config::stage_roles(setup.config, setup.stage));
  RunLoop loop(run);
  const auto& distill = run.config().distill;
  const SupervisedData data(run, distill.max_length,
                            distill.on_policy
                                ? prompt_reader(run.config())
                                : next_token_reader(run.config().data, data::LossOn::Completion));
  Learner student(run, run.config().model,
                  data.total_steps(distill.epochs, distill.steps, distill.batch));
  std::optional<Teacher> teacher;
  if (by_logits) teacher.emplace(run);
  StudentAnswers answers(run);
  HeldOutLoss held_out(run, loop, data.held_out().empty() ? 0 : data.num_held_out(), [&] {
    return std::map<std::string, double>{{"loss", student.evaluate(data.held_out())}};
  });
  DistillationEpochs epochs(run, data);
  student.persist(loop);
  epochs.persist(loop);
  training::Trainer* const trainer = student.active() ? &student.trainer() : nullptr;

  auto step = loop.begin(data.total_steps(distill.epochs, distill.steps, distill.batch));
  held_out.before(step);
  epochs.begin(trainer, step);
  export_missed(run, trainer, step);
  for (; loop.goes_on(step); ++step) {
    const auto samples = distill.on_policy
                             ? answers.sample(student, data.prompts(step, distill.batch), step)
                             : data.batch(step, distill.batch);
    loop.write_samples(step, answers.answers());
    const auto denominators = training::count_targets(samples);
    if (teacher) teacher->serve(student, samples, step);
    const auto chunk = run.config().trainer.logprob_chunk_tokens;
    const training::PassLoss from_teacher = [&](const training::Pass& pass) {
      const auto output = teacher->output(pass.batch());
      if (!output) return pass.hidden().sum() * 0.0;  // of a step that is dropped
      return training::distillation_loss(pass, *output, run.config().distillation_loss,
                                         denominators, chunk);
    };
    metrics::StepMetrics metrics =
        student
            .step(samples, teacher ? from_teacher : training::cross_entropy(denominators, chunk),
                  step)
            .metrics;
    if (teacher) teacher->finish_step(student, samples);
    if (!loop.takes(step)) break;
    if (distill.on_policy) answers.add_metrics(student, metrics);
    held_out.if_due(step, distill.eval_every, metrics);
    epochs.add(metrics, step);
    loop.finish_step(step, std::move(metrics), "loss");
    export_if_due(run, trainer, step);
    epochs.save_if_due(trainer, step);
  }
  if (!loop.stopped_early()) write_stage_output(run, trainer, held_out.summary(step));
  return loop.end();
}

}  // namespace

base::ExitCode run_distill(Environment& environment, MpiCommunicator& world,
                           const StageSetup& setup) {
  auto students = setup.config.distill.students;
  if (students.empty()) return distill_student(environment, world, setup);
  for (const auto& student : students) {
    auto own = setup;
    if (students.size() > 1) own.folder = setup.folder + "/" + student.name;
    own.model_folder = setup.students_folder.empty() ? setup.folder + "/distilled/" + student.name
                                                     : setup.students_folder + "/" + student.name;
    own.name = setup.name + ":" + student.name;
    own.config.model.path = student.path;
    own.config.model.init = "load";
    if (student.learning_rate > 0.0) own.config.optimizer.learning_rate = student.learning_rate;
    const auto code = distill_student(environment, world, own);
    if (code != base::ExitCode::Done) return code;
  }
  return base::ExitCode::Done;
}

}  // namespace r1::mpi
