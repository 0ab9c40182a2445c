// The distillation loss against the fixture: soft and hard, both divergences, top-k forms.
#include "algorithms/distillation_loss.h"

#include <ATen/ATen.h>

#include "support/loss_fixture.h"
#include "vocabulary/vocab_distillation.h"

namespace r1::algorithms {
namespace {

using test::expect_close;

/// log of what the ids leave over.
at::Tensor rest_of(const at::Tensor& logprobs) {
  return at::log1p(-logprobs.exp().sum(1));
}

struct Inputs {
  explicit Inputs(const nlohmann::json& input)
      : student(test::to_tensor(input["student_logits"]).requires_grad_()),
        teacher(test::to_tensor(input["teacher_logits"]).flatten(0, 1)),
        topk_ids(test::to_indices(input["topk_ids"]).flatten(0, 1)),
        topk_logprobs(test::to_tensor(input["topk_teacher_logprobs_T1"]).flatten(0, 1)),
        labels(test::to_indices(input["labels"]).flatten()),
        mask(test::to_tensor(input["mask"]).flatten()) {}

  /// Every token's terms by kind; identity heads make hidden states of logits.
  vocabulary::DistillationTerms terms(const std::string& kind, double temperature) const {
    const at::Tensor rows = student.flatten(0, 1);
    const at::Tensor identity = at::eye(rows.size(1), at::kDouble);
    if (kind.rfind("topk", 0) != 0)
      return vocabulary::distillation_terms(rows, identity, {teacher, identity}, labels,
                                            temperature, rows.size(1), 3);
    const at::Tensor logprobs = temperature == 1.0
                                    ? topk_logprobs
                                    : at::log_softmax(teacher / temperature, 1).gather(1, topk_ids);
    const auto rest = kind.find("tail") != std::string::npos ? vocabulary::TopKRest::Tail
                                                             : vocabulary::TopKRest::Renormalised;
    return vocabulary::distillation_terms_top_k(
        rows, identity, {topk_ids, logprobs, rest_of(logprobs)}, rest, labels, temperature, 3);
  }

  at::Tensor student, teacher, topk_ids, topk_logprobs, labels, mask;
};

DistillationLossOptions options_of(const nlohmann::json& params) {
  DistillationLossOptions options;
  // Without the factor T^2 the loss is that of a weight divided by it.
  const double temperature = params["temperature"];
  options.temperature = temperature;
  options.soft_weight = params.value("soft_weight", 1.0);
  if (!params["t_squared"].get<bool>()) options.soft_weight /= temperature * temperature;
  options.hard_weight = params.value("hard_weight", 0.0);
  return options;
}

TEST(DistillationLoss, MatchesFixture) {
  const auto fixture = test::load_loss_fixture("distillation");
  for (const auto& item : fixture["cases"]) {
    const std::string name = item["name"], kind = item["params"]["kind"];
    const auto& expected = item["expected"];
    const Inputs input(fixture["inputs"]["main"]);
    const DistillationLossOptions options = options_of(item["params"]);
    const auto terms = input.terms(kind, options.temperature);
    const at::Tensor divergence = kind == "reverse_kl" ? terms.reverse_kl : terms.forward_kl;
    const at::Tensor kept = input.mask.gt(0.5);
    const double tokens = input.mask.sum().item<double>();
    const DistillationLoss found = distillation_loss(
        divergence.masked_select(kept), terms.hard.masked_select(kept), options, {tokens, 2});
    found.loss.backward();
    expect_close(found.loss, expected["loss"], name);
    expect_close(input.student.grad(), expected["grad_student_logits"], name + " gradient");
    const double soft_scale = options.soft_weight * options.temperature * options.temperature;
    expect_close((divergence * soft_scale + terms.hard * options.hard_weight).view({2, 5}),
                 expected["per_token_loss"], name + " per token");
    if (!expected.contains("hard")) continue;
    expect_close(found.sums[2] / tokens, expected["hard"], name + " hard");
    expect_close(found.sums[1] / tokens, expected["soft_without_t_squared"], name + " soft");
  }
}

TEST(DistillationLoss, BatchReductionDividesTheSoftTermBySequences) {
  const at::Tensor soft = at::full({6}, 0.5, at::kDouble), hard = at::full({6}, 2.0, at::kDouble);
  DistillationLossOptions options;
  options.soft_reduction = "batch";
  const auto found = distillation_loss(soft, hard, options, {6, 2});
  EXPECT_NEAR(found.loss.item<double>(), 0.7 * 9 * 0.5 * 6 / 2 + 0.3 * 2.0, 1e-12);
}

TEST(DistillationLoss, TextDistillationNeedsNoTeacherTerms) {
  DistillationLossOptions options;
  options.soft_weight = 0.0;
  const auto found = distillation_loss({}, at::full({3}, 2.0, at::kDouble), options, {3, 1});
  EXPECT_NEAR(found.loss.item<double>(), 0.6, 1e-15);
}

}  // namespace
}  // namespace r1::algorithms
