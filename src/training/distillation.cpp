#include "training/distillation.h"

#include <ATen/ATen.h>

#include "algorithms/distillation_loss.h"

namespace r1::training {

at::Tensor distillation_loss(const Pass& pass, const vocabulary::TeacherOutput& teacher,
                             const algorithms::DistillationLossOptions& options,
                             const algorithms::LossDenominators& denominators,
                             std::int64_t chunk_tokens) {
  const auto head = pass.model().head();
  if (const auto* likeliest = std::get_if<vocabulary::VocabTopK>(&teacher)) {
    const vocabulary::VocabTopK own{pass.own(likeliest->ids), pass.own(likeliest->logprobs),
                                    pass.own(likeliest->rest)};
    const auto terms = vocabulary::distillation_terms_top_k(
        pass.hidden(), head, own,
        options.top_k_rest == "tail" ? vocabulary::TopKRest::Tail
                                     : vocabulary::TopKRest::Renormalised,
        pass.targets(), options.temperature, chunk_tokens);
    return pass.total(
        algorithms::distillation_loss(terms.forward_kl, terms.hard, options, denominators).loss);
  }
  auto states = std::get<vocabulary::TeacherHidden>(teacher);
  states.hidden = pass.own(states.hidden);
  const auto common = std::min(head.vocab_size(), states.head.size(0));
  const auto weights = algorithms::distillation_token_weights(options, denominators);
  const bool reverse = options.divergence == "reverse";
  return pass.total(vocabulary::weighted_distillation(
      pass.hidden(), head, states, pass.targets(), options.temperature, common,
      {reverse ? 0.0 : weights.soft, reverse ? weights.soft : 0.0, weights.hard}, chunk_tokens));
}

}  // namespace r1::training
