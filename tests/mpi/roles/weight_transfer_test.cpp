// Weights reach every other layout of a model as they are, each tensor in its own dtype.
#include "mpi/weight_transfer.h"

#include <gtest/gtest.h>

#include "mpi/roles/roles_setup.h"

namespace r1::mpi {
namespace {

constexpr std::uint64_t kSeed = 3, kOtherSeed = 8;
constexpr std::int64_t kBucketBytes = 5000;

class WeightTransferTest : public test::WeightTest {};

TEST_P(WeightTransferTest, GivesEveryLayoutTheSameWeights) {
  for (const auto& roles : test::two_role_layouts(world_.size()))
    for (const char* other : {"reference", kPolicyGenerate}) {
      RoleGroups groups(world_, roles.layout(other, world_.size()));
      const auto source = model(groups, kPolicy, kSeed);
      const auto target = model(groups, other, kOtherSeed);
      const auto expected = model(groups, other, kSeed);

      WeightTransfer transfer(groups, kPolicy, other, kBucketBytes);
      transfer.copy(source.get(), target.get());

      for (std::size_t i = 0; target && i < target->parameters().size(); ++i) {
        const auto& found = target->parameters()[i];
        const auto& wanted = expected->parameters()[i].value;
        EXPECT_EQ(found.value.scalar_type(), wanted.scalar_type());
        EXPECT_TRUE(at::equal(found.value, wanted)) << roles.name << ": " << found.slices[0].name;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Models, WeightTransferTest,
                         ::testing::Values(test::WeightCase{"llama", at::kFloat},
                                           test::WeightCase{"qwen2", at::kBFloat16},
                                           test::WeightCase{"deepseek_v3", at::kFloat},
                                           test::WeightCase{"deepseek_v3", at::kBFloat16},
                                           test::WeightCase{"deepseek_v3", at::kDouble}));

TEST(WeightTransferVersion, IsKnownOnAllRanksOfBothRoles) {
  auto world = test::make_world();
  for (const auto& roles : test::two_role_layouts(world.size())) {
    RoleGroups groups(world, roles.layout("reference", world.size()));
    WeightTransfer transfer(groups, kPolicy, "reference", kBucketBytes);
    const std::int64_t told = transfer.tell(groups.is_in(kPolicy) ? 7 : -1);
    EXPECT_EQ(told, groups.is_in(kPolicy) || groups.is_in("reference") ? 7 : -1) << roles.name;
  }
}

}  // namespace
}  // namespace r1::mpi
