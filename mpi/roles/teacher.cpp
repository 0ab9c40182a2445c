#include "roles/teacher.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "models/lockstep.h"
#include "models/weight_shards.h"
#include "roles/rollout_messages.h"

namespace r1::mpi {

Teacher::Teacher(const Run& run)
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
        check_vocabulary(shape.vocab_size);
        if (run.has_role("teacher")) load(options);
      },
      "loading the teacher");
  if (!gives_top_k()) share_head();
}

/// A teacher on the policy's ranks computes when the student asks, on each replica for itself: its
/// replicas make different numbers of passes and hold their weights whole.
void Teacher::load(const models::ModelOptions& options) {
  const auto& layout = run_.groups().layout();
  const auto& learners = layout.role(kPolicy).ranks;
  const bool apart = std::none_of(learners.begin(), learners.end(),
                                  [&](int rank) { return layout.is_in(rank, "teacher"); });
  model_ = load_frozen_model(
      options, run_.dtype(), run_.device(), static_cast<std::uint64_t>(run_.config().run.seed),
      run_.groups().model_axes("teacher"), apart ? run_.sharing_copies("teacher") : std::nullopt);
}

void Teacher::check_vocabulary(std::int64_t teacher_vocab) {
  common_vocab_ = std::min(model_shape(run_.config().model).vocab_size, teacher_vocab);
  const auto top_k = run_.config().distillation_loss.top_k;
  if (top_k > common_vocab_)
    throw base::ConfigError(fmt::format(
        "distillation_loss.top_k: expected at most the {} ids that student and teacher have in "
        "common, found {}",
        common_vocab_, top_k));
}

/// Every policy rank gets the whole head, from the first rank of the teacher.
void Teacher::share_head() {
  auto& run = run_;
  const auto& layout = run.groups().layout();
  const int source = layout.role("teacher").ranks.front(), me = run.world().rank();
  if (model_) {
    auto* const shards = model_->weight_shards();
    if (shards != nullptr) shards->need(shards->unit_of(model_->head().weight));
    head_ = vocabulary::gather_weight(model_->head());
    if (shards != nullptr) {
      head_ = head_.clone();  // gathered weights are freed
      shards->release_all();
    }
  }
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

std::vector<at::Tensor> Teacher::compute(const data::MicroBatch& batch) const {
  const at::NoGradGuard no_grad;
  const training::Pass pass(*model_, batch);
  if (!gives_top_k()) return {pass.whole(pass.hidden())};
  const auto& loss = run_.config().distillation_loss;
  const auto likeliest =
      vocabulary::vocab_top_k(pass.hidden(), model_->head(), loss.top_k, common_vocab_,
                              loss.temperature, run_.config().trainer.logprob_chunk_tokens);
  return {pass.whole(likeliest.ids), pass.whole(likeliest.logprobs), pass.whole(likeliest.rest)};
}

void Teacher::serve(const Learner& learner, std::span<const data::TrainingSample> samples,
                    std::int64_t step) {
  if (!model_) return;
  const auto& server = servers_[static_cast<std::size_t>(run_.groups().place("teacher").replica)];
  const auto& clients = clients_;
  models::Lockstep lockstep(*model_);
  for (std::size_t replica = 0; replica < clients.size(); ++replica) {
    // Ranks that are both compute when the student asks (output).
    if (server_of(replica) != server || clients[replica] == server) continue;
    const auto span = run_.timeline().span("teacher forward", step);
    for (const auto& indices : learner.micro_batches(samples, static_cast<int>(replica))) {
      lockstep.begin_pass();
      const auto tensors =
          compute(data::pack(samples, indices, run_.config().trainer.share_prefix));
      if (server.front() != run_.world().rank()) continue;
      for (const int rank : clients[replica]) run_.exchange().send(rank, kTeacherReply, tensors);
    }
  }
  lockstep.finish();
  run_.exchange().flush();  // at most one step ahead of the student
}

vocabulary::TeacherOutput Teacher::output(const data::MicroBatch& batch) {
  const auto replica = static_cast<std::size_t>(run_.groups().place(kPolicy).replica);
  const auto& server = server_of(replica);
  std::vector<at::Tensor> tensors;
  if (server == clients_[replica]) {
    tensors = compute(batch);
  } else {
    const auto span = run_.timeline().span("wait for teacher", -1);
    tensors = run_.exchange().receive<std::vector<at::Tensor>>(server.front(), kTeacherReply,
                                                               "the teacher's output");
    for (auto& tensor : tensors) tensor = tensor.to(run_.device());
  }
  if (gives_top_k()) return vocabulary::VocabTopK{tensors.at(0), tensors.at(1), tensors.at(2)};
  return vocabulary::TeacherHidden{tensors.at(0), head_};
}

}  // namespace r1::mpi
