// Pass 3: what must fit together, said as "file:line: key: expected, found".
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

std::string rl_error(const std::string& text) {
  return error_of(kTinyModel + text, "rl");
}

TEST(Combinations, TheTinyModelIsValidForRl) {
  EXPECT_EQ(rl_error(""), "");
}

TEST(Combinations, MiniBatchesDivideTheStep) {
  expect_contains(rl_error("[rl]\nprompts_per_step = 10\nmini_batch = 4\n"),
                  "rl.mini_batch: expected a divisor of the step's 10 samples (10 prompts x 1)");
  expect_contains(rl_error("[rl]\nchunks = 65\n"), "rl.chunks: expected at most");
}

TEST(Combinations, AdvantagesAndTheRestOfAnAlgorithmBelongTogether) {
  expect_contains(
      rl_error("[advantage]\nkind = \"grpo\"\n[kl]\nplace = \"reward\"\nestimator = \"k1\"\n"),
      "kl.place: a penalty per token in the reward needs advantage.kind = \"gae\"");
  const std::string grpo = "[advantage]\nkind = \"grpo\"\n[kl]\nplace = \"loss\"\n";
  expect_contains(rl_error(grpo + "estimator = \"k3\"\n[rl]\nsamples_per_prompt = 1\n"),
                  "rl.samples_per_prompt: advantages compare the samples of a prompt");
  expect_contains(rl_error(grpo + "estimator = \"k1\"\n"), "zero expected gradient");
  expect_contains(rl_error("[rl]\nresample_zero_advantage = true\n"),
                  "needs the advantages of groups");
}

TEST(Combinations, TokenRewardsTakeAPenaltyPerToken) {
  EXPECT_EQ(rl_error("[advantage]\nkind = \"reinforce_plus_plus\"\n"), "");
  expect_contains(rl_error("[advantage]\nkind = \"reinforce_plus_plus\"\n[rl]\n"
                           "resample_zero_advantage = true\n"),
                  "needs the advantages of groups");
}

TEST(Combinations, OptionsOfTheLossFitTogether) {
  expect_contains(rl_error("[policy_loss]\nloss_mode = \"cispo\"\ndual_clip = 3.0\n"),
                  "policy_loss.dual_clip: loss_mode = \"cispo\" has no surrogate to bound");
  const std::string correction = "[policy_loss.rollout_correction]\nrollout_is = \"token\"\n";
  expect_contains(rl_error(correction + "[sampling]\ntemperature = 0.7\n[rl]\n"
                                        "logprob_temperature = 1.0\n"),
                  "rl.logprob_temperature");
  expect_contains(rl_error(correction + "rollout_rs_threshold = 0.5\n"),
                  "1 / rollout_rs_threshold is above rollout_rs_threshold");
  expect_contains(rl_error(correction + "rollout_rs_threshold_lower = 3.0\n"),
                  "expected at most rollout_rs_threshold");
}

TEST(Combinations, PreferencesNeedPairs) {
  const auto sft_error = [](const std::string& text) { return error_of(kTinyModel + text, "sft"); };
  const std::string dpo = "[data]\nfiles = [\"pairs.jsonl\"]\n[sft]\nobjective = \"dpo\"\n";
  EXPECT_EQ(sft_error(dpo), "");
  expect_contains(sft_error("[sft]\nobjective = \"reward_model\"\n"),
                  "needs records with the fields chosen and rejected");
  expect_contains(sft_error(dpo + "loss_on = \"all\"\n"), "sft.loss_on");
  expect_contains(sft_error(dpo + "[preference_loss]\ncenter_rewards_coefficient = 0.1\n"),
                  "belongs to sft.objective = \"reward_model\"");
  expect_contains(sft_error(dpo + "[preference_loss]\nlabel_smoothing = 0.5\n"),
                  "preference_loss.label_smoothing: expected in [0, 0.5)");
}

TEST(Combinations, MeshesDivideHeadsAndRanks) {
  expect_contains(rl_error("[roles.policy.train]\ntp = 3\n"),
                  "expected a divisor of the 4 attention heads, found 3");
  expect_contains(rl_error("[roles.policy.train]\nep = 2\n"), "the model has no experts");
  expect_contains(rl_error("[roles.policy]\nranks = 3\n[roles.policy.train]\ntp = 2\n"),
                  "does not make the role's 3 ranks");
  expect_contains(rl_error("[roles]\ngenerate_ranks = 3\n[roles.policy.generate]\ntp = 2\n"),
                  "does not make the role's 3 ranks");
}

TEST(Combinations, SamplesAreOneStepOldAtMost) {
  expect_contains(rl_error("[rl]\nstaleness = 2\n"), "rl.staleness: expected 0 or 1");
  expect_contains(rl_error("[rl]\nstaleness = 1\nresample_zero_advantage = true\n"),
                  "samples ahead cannot replace groups");
}

TEST(Combinations, LengthsFitTheContext) {
  expect_contains(rl_error("[sampling]\nmax_new_tokens = 5000\n"),
                  "expected less than the model's context of 4096 tokens, found 5000");
  expect_contains(rl_error("[sampling]\ntop_k = 261\n"), "expected at most the vocabulary's 260");
}

TEST(Combinations, DistillationSaysWhatLogitsNeed) {
  expect_contains(error_of(kTinyModel, "distill"), "\"logits\" needs a teacher");
  expect_contains(error_of(std::string(kTinyModel) + "[distill]\nmode = \"text\"\n", "distill"),
                  "distill.mode = \"text\" has no teacher's logits: expected 0");
  expect_contains(
      error_of(std::string(kTinyModel) + "[distill]\nmode = \"text\"\non_policy = true\n",
               "distill"),
      "distill.on_policy: the teacher scores the student's samples");
}

TEST(Combinations, TheSafetyTermNeedsItsClassifier) {
  expect_contains(error_of(std::string(kTinyModel) + "[sft.safety]\nweight = 0.1\n", "sft"),
                  "classifier.path: sft.safety.weight > 0 needs a toxicity classifier");
}

TEST(Combinations, PartsThatModelsScoreNeedThem) {
  const auto with_part = [](const std::string& part) {
    return "[[rewards.parts]]\nname = \"" + part + "\"\n";
  };
  expect_contains(rl_error(with_part("reward_model")),
                  "reward_model.path: the part reward_model needs a sequence classifier");
  expect_contains(rl_error(with_part("safety")),
                  "classifier.path: the part safety needs a toxicity classifier");
  expect_contains(rl_error("[reward_model]\npath = \"judge\"\n"),
                  "reward_model.path: no part uses it");
  expect_contains(error_of(kTinyModel + with_part("safety"), "prepare"), "prepare runs no model");
  const std::string model = "[[rewards.models]]\nname = \"helpful\"\n";
  expect_contains(rl_error(with_part("helpful")), "unknown reward 'helpful'");
  expect_contains(rl_error(model + "path = \"judge\"\n"), "no part uses it: add one named helpful");
  expect_contains(rl_error(with_part("helpful") + model),
                  "rewards.models[0].path: expected a model");
}

TEST(Combinations, TheSplitSuitsEveryStudent) {
  expect_contains(
      error_of(
          std::string(kTinyModel) +
              "[distill]\nmode = \"text\"\n[distillation_loss]\nsoft_weight = 0.0\n"
              "[roles.policy.train]\ntp = 2\n[[distill.students]]\nname = \"odd\"\npath = \"x\"\n"
              "[distill.students.shape]\nvocab_size = 8\nhidden_size = 9\nnum_hidden_layers = 1\n"
              "num_attention_heads = 3\nintermediate_size = 8\n",
          "distill"),
      "student odd: expected a divisor of the 3 attention heads, found 2");
}

TEST(Combinations, SuitesNeedKnownScorersAndStudentsKnownTeachers) {
  const std::string error =
      error_of(std::string(kTinyModel) +
                   "[[evaluate.suites]]\nname = \"a\"\npath = \"x\"\nscorer = \"mathss\"\n"
                   "[[evaluate.models]]\nname = \"s\"\npath = \"y\"\nteacher = \"nobody\"\n",
               "evaluate");
  expect_contains(error, "evaluate.suites[0].scorer: unknown scorer 'mathss', known: maths");
  expect_contains(error, "evaluate.models[0].teacher");
}

TEST(Combinations, GpuThingsNeedAGpu) {
  const std::string error = rl_error(
      "[run]\ndevice = \"cpu\"\n[communication]\nbackend = \"nccl\"\n[trainer]\noffload = "
      "\"optimizer\"\n");
  expect_contains(error, "communication.backend: nccl needs run.device = \"cuda\"");
  expect_contains(error, "trainer.offload: offload needs run.device = \"cuda\"");
}

TEST(Combinations, SharedOutWeightsAreNotOffloadedWithTheReference) {
  expect_contains(rl_error("[trainer]\nzero_stage = 3\noffload = \"both\"\n"),
                  "trainer.offload: the reference's weights are shared out by trainer.zero_stage = "
                  "3: expected \"none\" or \"optimizer\", found \"both\"");
}

TEST(Combinations, RolesThatShareNameAnOwner) {
  expect_contains(rl_error("[roles.reward]\nshare_with = \"judge\"\n"),
                  "expected another role (policy, reference, reward, teacher), found \"judge\"");
  expect_contains(
      rl_error("[roles.reward]\nshare_with = \"reference\"\n[roles.reference]\nshare_with = "
               "\"policy\"\n"),
      "name the owner \"policy\"");
}

}  // namespace
}  // namespace r1::config
