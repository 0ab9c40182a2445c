#include "roles/teacher.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "roles/rollouts.h"

namespace r1::mpi {

Teacher::Teacher(Run& run)
    : run_(run),
      clients_(run.groups().layout().role(kPolicy).replicas()),
      servers_(run.groups().layout().role("teacher").replicas()) {
  require_separate_or_same();
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
                              static_cast<std::uint64_t>(run.config().run.seed),
                              run.groups().model_axes("teacher"));
      },
      "loading the teacher");
  share_head();
}

/// Every policy rank gets the whole head, from the first rank of the teacher.
void Teacher::share_head() {
  auto& run = run_;
  const auto& layout = run.groups().layout();
  const int source = layout.role("teacher").ranks.front(), me = run.world().rank();
  if (model_) head_ = parallel::gather_weight(model_->head());
  if (me == source) {
    for (const int rank : layout.role(kPolicy).ranks)
      if (rank != me) run.exchange().send(rank, kTeacherReply, head_);
    run.exchange().flush();
  } else if (run.has_role(kPolicy)) {
    head_ =
        run.exchange().receive<at::Tensor>(source, kTeacherReply, "teacher head").to(run.device());
  }
}

/// A policy rank that also teaches must do so with the very ranks that it learns with: else one of
/// them would wait in the teacher's collectives while another waits for its hidden states.
void Teacher::require_separate_or_same() const {
  for (std::size_t replica = 0; replica < clients_.size(); ++replica)
    for (const auto& server : servers_) {
      const bool touch = std::any_of(server.begin(), server.end(), [&](int rank) {
        return std::find(clients_[replica].begin(), clients_[replica].end(), rank) !=
               clients_[replica].end();
      });
      if (touch && (server != clients_[replica] || server_of(replica) != server))
        throw base::ConfigError(
            "roles.teacher.train: a teacher on the policy's ranks needs the policy's tp");
      if (touch && run_.groups().layout().role("teacher").mesh.size("ep") > 1)
        throw base::ConfigError(
            "roles.teacher.train.ep: a teacher whose replicas share experts needs its own ranks");
    }
}

const std::vector<int>& Teacher::server_of(std::size_t replica) const {
  return servers_[replica % servers_.size()];
}

at::Tensor Teacher::compute(const data::MicroBatch& batch) const {
  const at::NoGradGuard no_grad;
  return model_->forward(model_input(batch, *model_))
      .index_select(0, to_tensor(batch.loss_rows, model_->device()));
}

void Teacher::serve(const Learner& learner, std::span<const data::TrainingSample> samples,
                    std::int64_t step) {
  if (!model_) return;
  const auto& server = servers_[static_cast<std::size_t>(run_.groups().place("teacher").replica)];
  const auto& clients = clients_;
  models::Lockstep lockstep(*model_);
  for (std::size_t replica = 0; replica < clients.size(); ++replica) {
    // Ranks that are both compute when the student asks (hidden).
    if (server_of(replica) != server || clients[replica] == server) continue;
    const auto span = run_.timeline().span("teacher forward", step);
    for (const auto& indices : learner.micro_batches(samples, static_cast<int>(replica))) {
      lockstep.begin_pass();
      const auto hidden = compute(data::pack(samples, indices, run_.config().trainer.share_prefix));
      if (server.front() != run_.world().rank()) continue;
      for (const int rank : clients[replica]) run_.exchange().send(rank, kTeacherReply, hidden);
    }
  }
  lockstep.finish();
  run_.exchange().flush();  // at most one step ahead of the student
}

at::Tensor Teacher::hidden(const data::MicroBatch& batch) {
  const auto replica = static_cast<std::size_t>(run_.groups().place(kPolicy).replica);
  const auto& server = server_of(replica);
  if (server == clients_[replica]) return compute(batch);
  const auto span = run_.timeline().span("wait for teacher", -1);
  return run_.exchange()
      .receive<at::Tensor>(server.front(), kTeacherReply, "teacher hidden states")
      .to(run_.device());
}

}  // namespace r1::mpi
