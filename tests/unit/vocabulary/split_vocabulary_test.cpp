// A head that is split over ranks: log-probabilities, entropies, divergences and their gradients
// are those of the whole head, on every rank.
#include <ATen/ATen.h>

#include "parallel/tensor_parallel.h"
#include "support/loss_fixture.h"
#include "support/thread_ranks.h"
#include "vocabulary/vocab_distillation.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::vocabulary {
namespace {

using test::expect_close;
constexpr std::int64_t kTokens = 7, kVocab = 11, kWidth = 4;  // 11 ids: parts of different sizes

at::Tensor random(at::IntArrayRef sizes, std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(sizes, at::kDouble);
}

/// The loss of a head, with random weights of each output.
using Loss = std::function<at::Tensor(const at::Tensor& hidden, const VocabHead& head)>;

struct Gradients {
  at::Tensor loss, hidden, head;
};

Gradients gradients(const Loss& loss, const at::Tensor& hidden_values, VocabHead head) {
  const auto hidden = hidden_values.clone().requires_grad_();
  head.weight = head.weight.clone().requires_grad_();
  const auto value = loss(hidden, head);
  value.backward();
  return {value.detach(), hidden.grad(), head.weight.grad()};
}

/// The same loss on 1 to 4 ranks.
void expect_equal_on_ranks(const Loss& loss) {
  const auto hidden = random({kTokens, kWidth}, 1), weight = random({kVocab, kWidth}, 2);
  const auto whole = gradients(loss, hidden, weight);
  for (const int size : {2, 3, 4})
    test::ThreadRanks::run(size, [&](Communicator& ranks) {
      const auto ids = shard_of(kVocab, ranks);
      const auto part =
          gradients(loss, hidden, {weight.narrow(0, ids.begin, ids.size), ids, ranks});
      expect_close(part.loss, whole.loss, "loss");
      expect_close(part.hidden, whole.hidden, "gradient of the hidden states");
      expect_close(part.head, whole.head.narrow(0, ids.begin, ids.size), "gradient of the head");
    });
}

TEST(SplitVocabulary, LogprobsAndEntropy) {
  const auto targets = at::arange(kTokens, at::kLong) * 3 % kVocab;
  const auto a = random({kTokens}, 3), b = random({kTokens}, 4);
  expect_equal_on_ranks([&](const at::Tensor& hidden, const VocabHead& head) {
    const auto scores = vocab_logprobs(hidden, head, targets, 0.7, /*with_entropy=*/true, 3);
    return (scores.logprobs * a).sum() + (scores.entropy * b).sum();
  });
}

TEST(SplitVocabulary, SeveralIdsOfAToken) {
  const auto ids =
      at::stack({at::arange(kTokens, at::kLong), at::arange(kTokens, at::kLong) + 4}, 1);
  const auto weights = random({kTokens, 2}, 5);
  expect_equal_on_ranks([&](const at::Tensor& hidden, const VocabHead& head) {
    return (vocab_logprobs_at(hidden, head, ids) * weights).sum();
  });
}

TEST(SplitVocabulary, DistillationOverFewerCommonIds) {
  const TeacherHidden teacher{random({kTokens, 6}, 6), random({9, 6}, 7)};
  const auto targets = at::arange(kTokens, at::kLong) + 4;
  const auto a = random({kTokens}, 8), b = random({kTokens}, 9), c = random({kTokens}, 10);
  for (const std::int64_t common : {9, 2})  // 2: some ranks hold none of them
    expect_equal_on_ranks([&](const at::Tensor& hidden, const VocabHead& head) {
      const auto terms = distillation_terms(hidden, head, teacher, targets, 2.0, common, 3);
      return (terms.forward_kl * a).sum() + (terms.reverse_kl * b).sum() + (terms.hard * c).sum();
    });
}

TEST(SplitVocabulary, LossesWhoseGradientIsKnownBeforehand) {
  const TeacherHidden teacher{random({kTokens, 6}, 6), random({9, 6}, 7)};
  const auto targets = at::arange(kTokens, at::kLong) + 4;
  expect_equal_on_ranks([&](const at::Tensor& hidden, const VocabHead& head) {
    return vocab_cross_entropy(hidden, head, targets, 0.3, 3);
  });
  for (const std::int64_t common : {9, 2})
    expect_equal_on_ranks([&](const at::Tensor& hidden, const VocabHead& head) {
      return weighted_distillation(hidden, head, teacher, targets, 2.0, common, {0.7, 0.2, 0.4}, 3);
    });
}

TEST(SplitVocabulary, DistillationFromTheLikeliestIds) {
  const auto teacher = vocab_top_k(random({kTokens, 6}, 6), random({9, 6}, 7), 5, 9, 2.0);
  const auto targets = at::arange(kTokens, at::kLong) + 4;
  const auto a = random({kTokens}, 8), c = random({kTokens}, 10);
  for (const auto rest : {TopKRest::Tail, TopKRest::Renormalised})
    expect_equal_on_ranks([&](const at::Tensor& hidden, const VocabHead& head) {
      const auto terms = distillation_terms_top_k(hidden, head, teacher, rest, targets, 2.0, 3);
      return (terms.forward_kl * a).sum() + (terms.hard * c).sum();
    });
}

TEST(SplitVocabulary, LikeliestIds) {
  const auto hidden = random({kTokens, kWidth}, 1), weight = random({kVocab, kWidth}, 2);
  const auto z = at::mm(hidden, weight.t()) / 1.5;
  const auto log_p = at::log_softmax(z, 1);
  for (const std::int64_t candidates : {kVocab, std::int64_t{5}})  // 5: some ranks have none
    for (const std::int64_t k : {std::int64_t{1}, std::int64_t{4}, candidates}) {
      const auto [logprobs, ids] = log_p.narrow(1, 0, candidates).topk(k, 1);
      const auto rest = log_p.exp().scatter(1, ids, 0.0).sum(1);
      const auto expect_equal = [&, k = k, &ids = ids,
                                 &logprobs = logprobs](const VocabHead& head) {
        const auto found = vocab_top_k(hidden, head, k, candidates, 1.5, 3);
        EXPECT_EQ(found.ids.scalar_type(), at::kInt);
        EXPECT_TRUE(at::equal(found.ids.to(at::kLong), ids));
        expect_close(found.logprobs, logprobs, "log-probabilities");
        expect_close(found.rest.exp(), rest, "rest");
        EXPECT_TRUE(found.rest.isfinite().all().item<bool>());
      };
      expect_equal(weight);
      for (const int size : {2, 3, 4})
        test::ThreadRanks::run(size, [&](Communicator& ranks) {
          const auto mine = shard_of(kVocab, ranks);
          expect_equal({weight.narrow(0, mine.begin, mine.size), mine, ranks});
        });
    }
}

TEST(SplitVocabulary, LogitsOfAllIdsOnEveryRank) {
  const auto hidden = random({kTokens, kWidth}, 1), weight = random({kVocab, kWidth}, 2);
  const auto whole = gather_logits(hidden, weight);
  test::ThreadRanks::run(4, [&](Communicator& ranks) {
    const auto ids = shard_of(kVocab, ranks);
    const VocabHead head(weight.narrow(0, ids.begin, ids.size), ids, ranks);
    expect_close(gather_logits(hidden, head), whole, "logits");
    EXPECT_TRUE(at::equal(gather_weight(head), weight));
  });
}

}  // namespace
}  // namespace r1::vocabulary
