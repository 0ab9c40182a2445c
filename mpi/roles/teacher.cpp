#include "roles/teacher.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "roles/rollouts.h"

namespace r1::mpi {

Teacher::Teacher(Run& run) : run_(run) {
  const auto& options = run.config().teacher;
  run.together(
      [&] {
        const auto shape = model_shape(options);
        const auto text = load_text_model(options, shape.vocab_size);
        if (text.tokenizer->fingerprint() != run.text().tokenizer->fingerprint())
          throw base::ConfigError(
              "distill.mode: teacher and student have different tokenizers, so their logits cannot "
              "be compared: use mode = "
              "\"text\" (distillation from the teacher's text)");
        if (run.has_role("teacher"))
          model_ = load_model(options, run.dtype(), run.device(),
                              static_cast<std::uint64_t>(run.config().run.seed));
      },
      "loading the teacher");
  const auto& layout = run.groups().layout();
  const int source = layout.role("teacher").ranks.front(), me = run.world().rank();
  if (me == source) {
    head_ = model_->head_weight();
    for (const int rank : layout.role(kPolicy).ranks)
      if (rank != me) run.exchange().send(rank, kTeacherReply, head_);
    run.exchange().flush();
  } else if (run.has_role(kPolicy)) {
    head_ =
        run.exchange().receive<at::Tensor>(source, kTeacherReply, "teacher head").to(run.device());
  }
}

int Teacher::server_of(int replica) const {
  const auto& ranks = run_.groups().layout().role("teacher").ranks;
  return ranks[static_cast<std::size_t>(replica) % ranks.size()];
}

at::Tensor Teacher::compute(const data::MicroBatch& batch) const {
  const at::NoGradGuard no_grad;
  return model_->forward(model_input(batch, *model_))
      .index_select(0, to_tensor(batch.loss_rows, model_->device()));
}

void Teacher::serve(const Learner& learner, std::span<const data::TrainingSample> samples,
                    std::int64_t step) {
  if (!model_) return;
  const auto& policy = run_.groups().layout().role(kPolicy).ranks;
  const int me = run_.world().rank();
  for (std::size_t replica = 0; replica < policy.size(); ++replica) {
    if (server_of(static_cast<int>(replica)) != me || policy[replica] == me) continue;
    const auto span = run_.timeline().span("teacher forward", step);
    for (const auto& indices : learner.micro_batches(samples, static_cast<int>(replica)))
      run_.exchange().send(
          policy[replica], kTeacherReply,
          compute(data::pack(samples, indices, run_.config().trainer.share_prefix)));
  }
  run_.exchange().flush();  // at most one step ahead of the student
}

at::Tensor Teacher::hidden(const data::MicroBatch& batch) {
  const int server = server_of(run_.groups().place(kPolicy).rank);
  if (server == run_.world().rank()) return compute(batch);
  const auto span = run_.timeline().span("wait for teacher", -1);
  return run_.exchange()
      .receive<at::Tensor>(server, kTeacherReply, "teacher hidden states")
      .to(run_.device());
}

}  // namespace r1::mpi
