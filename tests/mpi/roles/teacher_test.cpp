// The teacher's hidden states and head reach the student's ranks as one process computes them.
#include "mpi/roles/teacher.h"

#include <gtest/gtest.h>

#include "mpi/roles/toy_run.h"

namespace r1::mpi {
namespace {

const std::vector<std::string> kTeacher = {
    "teacher.init=\"random\"",
    "teacher.tokenizer=\"bytes\"",
    "teacher.dtype=\"fp64\"",
    "teacher.master_dtype=\"fp64\"",
    "teacher.shape.vocab_size=260",
    "teacher.shape.hidden_size=96",
    "teacher.shape.num_hidden_layers=2",
    "teacher.shape.num_attention_heads=4",
    "teacher.shape.num_key_value_heads=4",
    "teacher.shape.intermediate_size=128",
    "teacher.shape.max_position_embeddings=1024",
    "trainer.micro_batch_tokens=16"};  // several micro-batches

std::vector<data::TrainingSample> samples() {
  std::vector<data::TrainingSample> list;
  for (data::TokenId i = 0; i < 21; ++i) list.push_back({{40, i, 60}, {70, 80, i, 90}});
  return list;
}

/// Hidden states [completion tokens, D] that predict a sample's completion.
at::Tensor predicting_states(const models::Model& model, const data::TrainingSample& sample) {
  std::vector<std::int64_t> tokens(sample.prompt_ids.begin(), sample.prompt_ids.end());
  tokens.insert(tokens.end(), sample.completion_ids.begin(), sample.completion_ids.end());
  return model.forward(test::packed_input({tokens}, {}, model.dtype()))
      .narrow(0, static_cast<std::int64_t>(sample.prompt_ids.size()) - 1,
              static_cast<std::int64_t>(sample.completion_ids.size()));
}

TEST(TeacherRole, HandsOverHiddenStatesAndHeadOfTheWholeModel) {
  auto overrides = kTeacher;
  if (test::environment().size() == 4)
    for (const char* layout :
         {"roles.policy.ranks=2", "roles.teacher.ranks=2", "roles.teacher.train.tp=2"})
      overrides.emplace_back(layout);
  test::ToyRun toy("distill", overrides);
  const auto& config = toy.config();
  Learner learner(toy.run(), config.model, 1);
  Teacher teacher(toy.run());
  toy.begin();
  const auto list = samples();

  teacher.serve(learner, list, 0);

  if (!learner.active()) return;
  const at::NoGradGuard no_grad;
  const auto whole = test::whole_model(config.teacher, config.run.seed);
  const auto batches = learner.micro_batches(list, toy.groups().place(kPolicy).replica);
  EXPECT_GT(batches.size(), 1U);
  for (const auto& indices : batches) {
    const auto batch = data::pack(list, indices);
    const auto output = std::get<vocabulary::TeacherHidden>(teacher.output(batch).value());
    EXPECT_LT(test::max_difference(output.head, whole->head().weight), test::kRounding);
    for (const auto& range : batch.samples)
      EXPECT_LT(test::max_difference(
                    output.hidden.slice(0, range.begin, range.end),
                    predicting_states(*whole, list[static_cast<std::size_t>(range.sample)])),
                test::kRounding);
  }
}

}  // namespace
}  // namespace r1::mpi
