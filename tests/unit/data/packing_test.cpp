#include "data/packing.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/errors.h"
#include "base/random.h"

namespace r1::data {
namespace {

std::vector<std::int64_t> all_of(const std::vector<TrainingSample>& samples) {
  std::vector<std::int64_t> indices(samples.size());
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

std::vector<TrainingSample> random_samples(std::uint64_t seed) {
  base::RandomStream random(seed);
  std::vector<TrainingSample> samples;
  std::vector<TokenId> prompt;
  for (int i = 0; i < 40; ++i) {
    if (i % 4 == 0) {
      prompt.clear();
      for (auto n = random.integer(i % 8 == 0 ? 0 : 1, 9); n > 0; --n)
        prompt.push_back(static_cast<TokenId>(random.integer(1, 99)));
    }
    TrainingSample s{prompt, {}};
    for (auto n = random.integer(2, 12); n > 0; --n)
      s.completion_ids.push_back(static_cast<TokenId>(random.integer(1, 99)));
    samples.push_back(s);
  }
  return samples;
}

/// The tokens a row sees: its segment up to it, behind the whole prefix.
std::vector<TokenId> context_of(const MicroBatch& batch, std::int64_t row) {
  std::vector<TokenId> context;
  for (const Segment& s : batch.segments) {
    if (row < s.start || row >= s.start + s.length) continue;
    if (s.prefix_segment >= 0) {
      const Segment& p = batch.segments[static_cast<std::size_t>(s.prefix_segment)];
      for (std::int64_t k = 0; k < p.length; ++k)
        context.push_back(batch.token_ids[static_cast<std::size_t>(p.start + k)]);
    }
    for (std::int64_t k = s.start; k <= row; ++k)
      context.push_back(batch.token_ids[static_cast<std::size_t>(k)]);
  }
  return context;
}

void expect_invariants(const MicroBatch& batch, const std::vector<TrainingSample>& samples) {
  std::int64_t covered = 0;
  for (const Segment& s : batch.segments) {
    EXPECT_EQ(s.start, covered);
    EXPECT_GT(s.length, 0);
    covered += s.length;
  }
  EXPECT_EQ(covered, batch.num_tokens());
  EXPECT_EQ(batch.position_ids.size(), batch.token_ids.size());
  std::int64_t rows = 0;
  for (const SampleRange& range : batch.samples) {
    const TrainingSample& s = samples[static_cast<std::size_t>(range.sample)];
    EXPECT_EQ(range.begin, rows);
    rows = range.end;
    std::vector<TokenId> sequence = s.prompt_ids;
    sequence.insert(sequence.end(), s.completion_ids.begin(), s.completion_ids.end());
    for (std::int64_t k = range.begin; k < range.end; ++k) {
      const auto token =
          s.prompt_ids.size() + static_cast<std::size_t>(range.first_token + k - range.begin);
      const auto row = batch.loss_rows[static_cast<std::size_t>(k)];
      EXPECT_EQ(batch.loss_targets[static_cast<std::size_t>(k)], sequence[token]);
      EXPECT_EQ(context_of(batch, row),
                std::vector<TokenId>(sequence.begin(),
                                     sequence.begin() + static_cast<std::ptrdiff_t>(token)));
      EXPECT_EQ(batch.position_ids[static_cast<std::size_t>(row)],
                static_cast<std::int64_t>(token) - 1);
    }
    EXPECT_EQ(sequence.size(),
              s.prompt_ids.size() +
                  static_cast<std::size_t>(range.first_token + range.end - range.begin));
  }
  EXPECT_EQ(rows, static_cast<std::int64_t>(batch.loss_rows.size()));
  std::int64_t packed_alone = 0;
  for (const TrainingSample& sample : samples) packed_alone += packed_length(sample);
  EXPECT_EQ(batch.token_uses.size(), batch.token_ids.size());
  EXPECT_EQ(std::accumulate(batch.token_uses.begin(), batch.token_uses.end(), std::int64_t{0}),
            packed_alone);
}

}  // namespace

TEST(Packing, EachTargetIsPredictedFromExactlyItsOwnPast) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto samples = random_samples(seed);
    for (const bool share : {true, false}) {
      const auto indices = all_of(samples);
      expect_invariants(pack(samples, indices, share), samples);
    }
  }
}

TEST(Packing, ComputesASharedPromptOnceWithItsContinuationsRightBehindIt) {
  const std::vector<TrainingSample> samples{
      {{1, 2, 3}, {4, 5, 6}}, {{1, 2, 3}, {7}}, {{9}, {8, 8}}, {{1, 2, 3}, {4, 4}}};
  const MicroBatch batch = pack(samples, all_of(samples));
  EXPECT_EQ(batch.token_ids, (std::vector<TokenId>{1, 2, 3, 4, 5, 4, 9, 8}));
  EXPECT_EQ(batch.position_ids, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 3, 0, 1}));
  EXPECT_EQ(batch.token_uses, (std::vector<std::int64_t>{3, 3, 3, 1, 1, 1, 1, 1}));
  EXPECT_EQ(batch.loss_rows, (std::vector<std::int64_t>{2, 3, 4, 2, 2, 5, 6, 7}));
  ASSERT_EQ(batch.segments.size(), 4u);
  EXPECT_EQ(batch.segments[1].prefix_segment, 0);
  EXPECT_EQ(batch.segments[2].prefix_segment, 0);
  EXPECT_EQ(batch.segments[3].prefix_segment, -1);
  ASSERT_EQ(batch.samples.size(), 4u);
  EXPECT_EQ(batch.samples[2].sample, 3);
}

/// Two bytes of experts for each token.
TEST(Packing, PromptsOfOtherExpertsAreOtherPrompts) {
  const std::vector<std::uint8_t> alike{1, 1, 2, 2, 3, 3, 4, 4};
  auto other = alike;
  other[3] = 9;  // the second token of the prompt
  auto later = alike;
  later[7] = 9;  // a token of the completion
  std::vector<TrainingSample> samples{{{1, 2, 3}, {4, 5}, {}, alike},
                                      {{1, 2, 3}, {4, 5}, {}, other},
                                      {{1, 2, 3}, {4, 5}, {}, later}};
  const MicroBatch batch = pack(samples, all_of(samples));
  EXPECT_EQ(batch.token_ids, (std::vector<TokenId>{1, 2, 3, 4, 4, 1, 2, 3, 4}));
  EXPECT_EQ(batch.experts, (std::vector<std::uint8_t>{1, 1, 2, 2, 3, 3, 4, 4, 4, 9,  //
                                                      1, 1, 2, 9, 3, 3, 4, 4}));
  EXPECT_EQ(split_by_tokens(samples, 9).size(), 1u);
  EXPECT_EQ(split_by_tokens(samples, 8).size(), 2u);
  samples[1].experts.clear();
  EXPECT_THROW(pack(samples, all_of(samples)), base::InternalError);
  samples[1].experts.assign(7, 0);
  EXPECT_THROW(pack(samples, all_of(samples)), base::InternalError);
}

TEST(Packing, RefusesASampleWithoutTargets) {
  const std::vector<TrainingSample> samples{{{}, {4}}};
  EXPECT_THROW(pack(samples, all_of(samples)), base::InputError);
}

TEST(Packing, ListsStayWithinTheTokenBudget) {
  const auto samples = random_samples(11);
  constexpr std::int64_t kBudget = 40;
  std::vector<std::int64_t> seen;
  for (const bool share : {true, false}) {
    seen.clear();
    for (const auto& list : split_by_tokens(samples, kBudget, share)) {
      EXPECT_LE(pack(samples, list, share).num_tokens(), kBudget);
      seen.insert(seen.end(), list.begin(), list.end());
    }
    EXPECT_EQ(seen, all_of(samples));
  }
  EXPECT_LT(split_by_tokens(samples, kBudget, true).size(),
            split_by_tokens(samples, kBudget, false).size());
}

TEST(Packing, SamplesThatBelongTogetherStayInOneList) {
  std::vector<TrainingSample> samples;
  for (TokenId i = 0; i < 8; ++i)
    samples.push_back(
        {{i / 2, 1, 2}, std::vector<TokenId>(static_cast<std::size_t>(2 + i % 3), 5)});
  for (const bool share : {true, false})
    for (const std::int64_t budget : {1, 9, 14, 1000}) {
      std::vector<std::int64_t> seen;
      for (const auto& list : split_by_tokens(samples, budget, share, 2)) {
        ASSERT_EQ(list.size() % 2, 0U) << "budget " << budget;
        for (std::size_t i = 0; i < list.size(); i += 2) EXPECT_EQ(list[i] / 2, list[i + 1] / 2);
        EXPECT_TRUE(list.size() == 2 || pack(samples, list, share).num_tokens() <= budget);
        seen.insert(seen.end(), list.begin(), list.end());
      }
      EXPECT_EQ(seen, all_of(samples));
    }
  EXPECT_EQ(split_by_tokens(samples, 1000, true, 2).size(), 1U);
}

}  // namespace r1::data
