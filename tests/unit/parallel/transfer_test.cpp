// Tensors travel between layouts: exactly the missing boxes, from near and balanced ranks, in
// buckets, equal to the bit. Ranks are threads.
#include "parallel/transfer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/errors.h"
#include "support/thread_ranks.h"

namespace r1::parallel {
namespace {

constexpr std::int64_t kRows = 12, kColumns = 8;
const std::vector<at::ScalarType> kDtypes{at::kBFloat16, at::kFloat, at::kBFloat16};

/// Ranks [first, first + copies * parts) of `num_ranks` hold `copies` times the parts of every
/// tensor, split by rows or by columns.
Holdings split(int num_ranks, int first, int parts, int copies, bool by_rows) {
  Holdings holdings;
  holdings.list_of_rank.assign(static_cast<std::size_t>(num_ranks), Holdings::kNothing);
  for (int part = 0; part < parts; ++part) {
    auto& list = holdings.lists.emplace_back();
    const auto total = by_rows ? kRows : kColumns;
    const auto begin = total * part / parts, size = total * (part + 1) / parts - begin;
    for (std::size_t tensor = 0; tensor < kDtypes.size(); ++tensor)
      list.push_back(
          {tensor, by_rows ? Box{{begin, 0}, {size, kColumns}} : Box{{0, begin}, {kRows, size}}});
  }
  for (int i = 0; i < parts * copies; ++i)
    holdings.list_of_rank[static_cast<std::size_t>(first + i)] =
        static_cast<std::size_t>(i % parts);
  return holdings;
}

at::Tensor whole_tensor(std::size_t tensor) {
  return (at::arange(kRows * kColumns, at::kDouble) * 0.37 + static_cast<double>(tensor))
      .reshape({kRows, kColumns})
      .to(kDtypes[tensor]);
}

std::int64_t bytes_of(const Holdings& holdings, int rank) {
  const auto list = holdings.list_of_rank[static_cast<std::size_t>(rank)];
  if (list == Holdings::kNothing) return 0;
  std::int64_t bytes = 0;
  for (const auto& [tensor, box] : holdings.lists[list])
    bytes += volume(box.extent) * static_cast<std::int64_t>(c10::elementSize(kDtypes[tensor]));
  return bytes;
}

struct Case {
  const char* name;
  int num_ranks;
  Holdings from, to;
};

std::vector<Case> cases() {
  return {{"one", 1, split(1, 0, 1, 1, true), split(1, 0, 1, 1, true)},
          {"rows to other rows", 4, split(4, 0, 2, 2, true), split(4, 0, 4, 1, true)},
          {"rows to columns", 4, split(4, 0, 4, 1, true), split(4, 0, 4, 1, false)},
          {"apart", 5, split(5, 0, 2, 1, true), split(5, 2, 3, 1, false)},
          {"one to many copies", 5, split(5, 0, 1, 1, true), split(5, 1, 1, 4, true)}};
}

TEST(Transfer, GivesEveryRankItsPartsToTheBit) {
  for (const auto& [name, num_ranks, from, to] : cases())
    for (const std::int64_t bucket : {4, 64, 1 << 20})
      test::ThreadRanks::run(
          num_ranks, [&, &name = name, &from = from, &to = to](Communicator& ranks) {
            const auto plan = plan_transfer(kDtypes, from, to, {bucket, {}}, ranks.rank());
            std::vector<at::Tensor> found;
            for (std::size_t tensor = 0; tensor < kDtypes.size(); ++tensor)
              found.push_back(at::full({kRows, kColumns}, -1.0, kDtypes[tensor]));
            const auto peak = transfer(
                plan, kDtypes, ranks,
                {at::kCPU,
                 [&](const TensorBox& box) {  // from another dtype, with strides
                   return part_of_tensor(whole_tensor(box.tensor).to(at::kDouble), box.box.offset,
                                         box.box.extent);
                 },
                 [&](const TensorBox& box, const at::Tensor& values) {
                   part_of_tensor(found[box.tensor], box.box.offset, box.box.extent).copy_(values);
                 }},
                "test");
            EXPECT_LE(peak, 2 * bucket) << name;
            const auto list = to.list_of_rank[static_cast<std::size_t>(ranks.rank())];
            for (std::size_t tensor = 0; tensor < kDtypes.size(); ++tensor) {
              auto expected = at::full({kRows, kColumns}, -1.0, kDtypes[tensor]);
              if (list != Holdings::kNothing) {
                const auto& box = to.lists[list][tensor].box;
                part_of_tensor(expected, box.offset, box.extent)
                    .copy_(part_of_tensor(whole_tensor(tensor), box.offset, box.extent));
              }
              EXPECT_TRUE(at::equal(found[tensor], expected)) << name << ", bucket " << bucket;
            }
          });
}

TEST(TransferPlan, EveryRankReceivesWhatItDoesNotHold) {
  for (const auto& [name, num_ranks, from, to] : cases()) {
    const auto plan = plan_transfer(kDtypes, from, to, {}, 0);
    for (int rank = 0; rank < num_ranks; ++rank) {
      std::int64_t own = 0;
      for (const auto& round : plan_transfer(kDtypes, from, to, {}, rank).rounds)
        for (const auto& box : round.own)
          own += volume(box.box.extent) *
                 static_cast<std::int64_t>(c10::elementSize(kDtypes[box.tensor]));
      EXPECT_EQ(plan.traffic[static_cast<std::size_t>(rank)].bytes_in, bytes_of(to, rank) - own)
          << name << ", rank " << rank;
    }
  }
  const auto halves_to_quarters = plan_transfer(kDtypes, cases()[1].from, cases()[1].to, {}, 0);
  EXPECT_EQ(halves_to_quarters.traffic[0].bytes_in, 0);  // its quarter is in its half
  EXPECT_GT(halves_to_quarters.traffic[1].bytes_in, 0);
}

TEST(TransferPlan, RanksAgreeOnEachMessage) {
  for (const auto& [name, num_ranks, from, to] : cases()) {
    std::vector<TransferPlan> plans;
    for (int rank = 0; rank < num_ranks; ++rank)
      plans.push_back(plan_transfer(kDtypes, from, to, {100, {}}, rank));
    for (int rank = 0; rank < num_ranks; ++rank)
      for (std::size_t r = 0; r < plans[0].rounds.size(); ++r)
        for (const auto& sent : plans[static_cast<std::size_t>(rank)].rounds[r].sends) {
          const auto& receives = plans[static_cast<std::size_t>(sent.peer)].rounds[r].receives;
          const auto received =
              std::find_if(receives.begin(), receives.end(),
                           [&](const Message& message) { return message.peer == rank; });
          ASSERT_NE(received, receives.end()) << name;
          EXPECT_EQ(received->boxes, sent.boxes) << name;
          EXPECT_EQ(received->bytes, sent.bytes) << name;
        }
  }
}

TEST(TransferPlan, SendersShareTheWork) {
  // Four ranks hold everything, four other ranks need everything.
  const auto plan = plan_transfer(kDtypes, split(8, 0, 1, 4, true), split(8, 4, 1, 4, true), {}, 0);
  const auto whole = bytes_of(split(1, 0, 1, 1, true), 0);
  for (std::size_t rank = 0; rank < 4; ++rank) {
    EXPECT_GT(plan.traffic[rank].bytes_out, whole / 2) << rank;
    EXPECT_LT(plan.traffic[rank].bytes_out, 2 * whole) << rank;
  }
}

TEST(TransferPlan, AReceiverHasOneSenderHoweverManyHoldItsParts) {
  for (const int holders : {2, 8, 32}) {
    const auto plan = plan_transfer(kDtypes, split(holders + 1, 0, 1, holders, true),
                                    split(holders + 1, holders, 1, 1, true), {}, holders);
    EXPECT_EQ(plan.traffic.back().messages_in, 1) << holders;
  }
}

TEST(TransferPlan, PrefersASenderOfTheReceiversNode) {
  // Ranks 0 and 1 hold everything; ranks 2 and 3 need it, one on each node.
  const std::vector<int> nodes{0, 1, 1, 0};
  const auto plan =
      plan_transfer(kDtypes, split(4, 0, 1, 2, true), split(4, 2, 1, 2, true), {1 << 20, nodes}, 0);
  ASSERT_EQ(plan.rounds.size(), 1u);
  ASSERT_EQ(plan.rounds[0].sends.size(), 1u);
  EXPECT_EQ(plan.rounds[0].sends[0].peer, 3);
  EXPECT_EQ(plan.traffic[0].bytes_out, plan.traffic[1].bytes_out);
}

TEST(TransferPlan, CountsOneMessageForEachPeerAndRound) {
  const auto from = split(2, 0, 1, 1, true), to = split(2, 1, 1, 1, true);
  EXPECT_EQ(plan_transfer(kDtypes, from, to, {}, 0).traffic[1].messages_in, 1);
  const std::int64_t bucket = 128;
  const auto plan = plan_transfer(kDtypes, from, to, {bucket, {}}, 1);
  const auto fewest = (bytes_of(to, 1) + bucket - 1) / bucket;
  EXPECT_GE(plan.traffic[1].messages_in, fewest);
  EXPECT_LE(plan.traffic[1].messages_in, 2 * fewest);  // a box is cut between its rows
  EXPECT_EQ(plan.rounds.size(), static_cast<std::size_t>(plan.traffic[1].messages_in));
}

TEST(TransferPlan, RefusesAPartThatNobodyHolds) {
  auto from = split(2, 0, 2, 1, true);
  from.lists[1].pop_back();
  EXPECT_THROW(plan_transfer(kDtypes, from, split(2, 0, 1, 1, true), {}, 0), base::InternalError);
}

}  // namespace
}  // namespace r1::parallel
