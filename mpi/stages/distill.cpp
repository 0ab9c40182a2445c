// Distillation: teacher to student, by logits (exact KL from hidden states) or by the teacher's
// text.
#include <nlohmann/json.hpp>

#include "algorithms/distillation_loss.h"
#include "algorithms/sft_loss.h"
#include "config/stage_roles.h"
#include "roles/teacher.h"
#include "stages/stage_output.h"
#include "stages/stages.h"
#include "stages/supervised_data.h"
#include "vocabulary/vocab_distillation.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::mpi {
namespace {

/// The loss of a micro-batch, by what the teacher gives.
at::Tensor loss_of(const vocabulary::TeacherOutput& teacher, const at::Tensor& hidden,
                   const vocabulary::VocabHead& head, const at::Tensor& targets,
                   const algorithms::DistillationLossOptions& loss,
                   const algorithms::LossDenominators& denominators, std::int64_t chunk_tokens) {
  if (const auto* likeliest = std::get_if<vocabulary::VocabTopK>(&teacher)) {
    const auto terms = vocabulary::distillation_terms_top_k(
        hidden, head, *likeliest,
        loss.top_k_rest == "tail" ? vocabulary::TopKRest::Tail : vocabulary::TopKRest::Renormalised,
        targets, loss.temperature, chunk_tokens);
    return algorithms::distillation_loss(terms.forward_kl, terms.hard, loss, denominators).loss;
  }
  const auto& states = std::get<vocabulary::TeacherHidden>(teacher);
  const auto common = std::min(head.vocab_size(), states.head.size(0));
  const auto weights = algorithms::distillation_token_weights(loss, denominators);
  const bool reverse = loss.divergence == "reverse";
  return vocabulary::weighted_distillation(
      hidden, head, states, targets, loss.temperature, common,
      {reverse ? 0.0 : weights.soft, reverse ? weights.soft : 0.0, weights.hard}, chunk_tokens);
}

/// One student in the run folder of `setup`.
base::ExitCode distill_student(Environment& environment, MpiCommunicator& world,
                               const StageSetup& setup) {
  const bool by_logits =
      setup.config.distill.mode == "logits" && setup.config.distillation_loss.soft_weight > 0.0;
  Run run(environment, world, setup, config::stage_roles(setup.config, "distill"));
  const auto& distill = run.config().distill;
  const SupervisedData data(run, distill.max_length, data::LossOn::Completion);
  Learner student(run, run.config().model,
                  data.total_steps(distill.epochs, distill.steps, distill.batch));
  std::optional<Teacher> teacher;
  if (by_logits) teacher.emplace(run);
  HeldOutLoss held_out(run, data.held_out());

  auto step = run.begin(data.total_steps(distill.epochs, distill.steps, distill.batch));
  held_out.before(student, step);
  for (; run.goes_on(step); ++step) {
    const auto samples = data.batch(step, distill.batch);
    const auto denominators = count_targets(samples);
    if (teacher) teacher->serve(student, samples, step);
    auto row = student.step(
        samples,
        [&](const data::MicroBatch& batch, const at::Tensor& hidden, std::int64_t) {
          const auto targets = training::targets_tensor(batch, run.device());
          const auto head = student.model().head();
          const auto chunk = run.config().trainer.logprob_chunk_tokens;
          if (!teacher)
            return vocabulary::vocab_cross_entropy(
                hidden, head, targets, algorithms::sft_token_weight(denominators), chunk);
          return loss_of(teacher->output(batch), hidden, head, targets,
                         run.config().distillation_loss, denominators, chunk);
        },
        step);
    held_out.if_due(student, step, distill.eval_every, row);
    run.finish_step(step, std::move(row), "loss");
    export_if_due(run, student.active() ? &student.trainer() : nullptr, step);
  }
  if (!run.stopped_early())
    write_stage_output(run, student.active() ? &student.trainer() : nullptr,
                       held_out.summary(student, step));
  return run.end();
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
