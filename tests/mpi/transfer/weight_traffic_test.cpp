// What travels between two layouts of a model: exactly what the receivers do not hold, in few
// messages, in bounded memory, and as much as plan counts.
#include <gtest/gtest.h>

#include "models/weight_shards.h"
#include "mpi/traffic.h"
#include "mpi/transfer/scale_layouts.h"
#include "mpi/weight_transfer.h"
#include "support/counted_memory.h"

namespace r1::mpi {
namespace {

constexpr std::uint64_t kSeed = 3, kOtherSeed = 8;
constexpr std::int64_t kBucketBytes = 2000;  // a few buckets for the toy models
constexpr double kBar = 1.05;                // of what a rank will hold

double bytes_of(const models::Model* model) {
  double bytes = 0.0;
  if (model != nullptr)
    for (const auto& parameter : model->parameters())
      bytes += static_cast<double>(parameter.value.nbytes());
  return bytes;
}

class WeightTraffic : public test::WeightTest {};

TEST_P(WeightTraffic, IsWhatReceiversDoNotHold) {
  const auto [architecture, dtype] = GetParam();
  for (const auto& roles : test::scale_layouts(world_.size())) {
    RoleGroups groups(world_, roles.layout("reference", world_.size()));
    const auto source = model(groups, kPolicy, kSeed),
               target = model(groups, "reference", kOtherSeed),
               expected = model(groups, "reference", kSeed);
    WeightTransfer transfer(groups, kPolicy, "reference", kBucketBytes);
    transfer.copy(source.get(), target.get());  // plans, connects
    if (target)
      for (auto& parameter : target->parameters()) parameter.value.zero_();
    world_.barrier("before counting");

    const auto before = TrafficCounter::instance().total();
    std::int64_t peak = 0;
    {
      const test::CountedMemory memory;
      transfer.copy(source.get(), target.get());
      peak = memory.peak();
    }
    const auto counted = TrafficCounter::instance().total() - before;

    EXPECT_LE(peak, 2 * kBucketBytes) << roles.name;
    EXPECT_LE(transfer.message_bytes(), 2 * kBucketBytes) << roles.name;
    if (!source && !target) {
      EXPECT_EQ(counted.messages, 0) << roles.name;
      continue;
    }
    for (std::size_t i = 0; target && i < target->parameters().size(); ++i)
      EXPECT_TRUE(at::equal(target->parameters()[i].value, expected->parameters()[i].value))
          << roles.name << ": " << target->parameters()[i].slices[0].name;
    std::size_t me = 0;  // among the ranks of both roles
    for (int rank = 0; rank < world_.rank(); ++rank)
      me += groups.layout().is_in(rank, kPolicy) || groups.layout().is_in(rank, "reference");
    const auto& mine = transfer.traffic()[me];
    EXPECT_EQ(counted.bytes, mine.bytes_in + mine.bytes_out) << roles.name;
    EXPECT_EQ(counted.messages, mine.messages_in + mine.messages_out) << roles.name;
    EXPECT_LE(static_cast<double>(mine.bytes_in), kBar * bytes_of(target.get())) << roles.name;
    if (!source) {
      EXPECT_EQ(static_cast<double>(mine.bytes_in), bytes_of(target.get())) << roles.name;
    }

    const auto& layout = groups.layout();
    EXPECT_EQ(transfer.most_bytes_in(),
              models::most_bytes_received(test::small_shape(architecture), dtype,
                                          {layout.role(kPolicy)}, {layout.role("reference")}))
        << roles.name;
  }
}

TEST_P(WeightTraffic, OfSharedOutWeightsIsWhatReceiversDoNotKeep) {
  const auto [architecture, dtype] = GetParam();
  for (const auto& roles : test::scale_layouts(world_.size()))
    for (const bool receivers_too : {false, true}) {
      RoleGroups groups(world_, roles.layout("reference", world_.size()));
      const auto source = model(groups, kPolicy, kSeed),
                 target = model(groups, "reference", kOtherSeed),
                 expected = model(groups, "reference", kSeed);
      if (source) source->share_out_weights(groups.weight_copies(kPolicy));
      if (target && receivers_too) target->share_out_weights(groups.weight_copies("reference"));
      WeightTransfer transfer(groups, kPolicy, "reference", kBucketBytes, {true, receivers_too});
      transfer.copy(source.get(), target.get());
      EXPECT_LE(transfer.message_bytes(), 2 * kBucketBytes) << roles.name;
      if (!source && !target) continue;
      const auto& layout = groups.layout();
      EXPECT_EQ(transfer.most_bytes_in(),
                models::most_bytes_received(test::small_shape(architecture), dtype,
                                            {layout.role(kPolicy), true},
                                            {layout.role("reference"), receivers_too}))
          << roles.name;
      if (!target) continue;
      const models::AllWeights all(*target);
      for (std::size_t i = 0; i < target->parameters().size(); ++i)
        EXPECT_TRUE(at::equal(target->parameters()[i].value, expected->parameters()[i].value))
            << roles.name << ": " << target->parameters()[i].slices[0].name;
    }
}

TEST_P(WeightTraffic, SendersShareTheWork) {
  // Replicas of the trainer hold the same weights: none of them sends much more than the others.
  if (world_.size() < 16) GTEST_SKIP() << "needs 16 ranks";
  const test::TwoRoles roles{"four replicas to twelve ranks", {4}, {12}};
  RoleGroups groups(world_, roles.layout("reference", world_.size()));
  const auto source = model(groups, kPolicy, kSeed), target = model(groups, "reference", kSeed);
  WeightTransfer transfer(groups, kPolicy, "reference", kBucketBytes);
  transfer.copy(source.get(), target.get());
  std::int64_t most = 0, sum = 0;
  for (const auto& rank : transfer.traffic()) {
    most = std::max(most, rank.bytes_out);
    sum += rank.bytes_out;
  }
  EXPECT_LE(static_cast<double>(most), 1.2 * static_cast<double>(sum) / 4.0);
}

INSTANTIATE_TEST_SUITE_P(Models, WeightTraffic,
                         ::testing::Values(test::WeightCase{"llama", at::kFloat},
                                           test::WeightCase{"qwen2", at::kBFloat16},
                                           test::WeightCase{"deepseek_v3", at::kBFloat16}));

TEST(MostBytesReceived, CountsDeepModelsByTheirFirstLayers) {
  for (const char* architecture : {"llama", "deepseek_v3"}) {
    auto shape = test::small_shape(architecture);
    shape.num_hidden_layers = 7;
    shape.experts.num_dense_layers = 3;
    for (const auto& roles : test::scale_layouts(16)) {
      const auto layout = roles.layout("reference", 16);
      const auto all = models::bytes_received(shape, at::kBFloat16, {layout.role(kPolicy)},
                                              {layout.role("reference")});
      EXPECT_EQ(models::most_bytes_received(shape, at::kBFloat16, {layout.role(kPolicy)},
                                            {layout.role("reference")}),
                *std::max_element(all.begin(), all.end()))
          << architecture << ", " << roles.name;
    }
  }
}

}  // namespace
}  // namespace r1::mpi
