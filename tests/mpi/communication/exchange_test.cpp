// Typed messages between ranks: records, tensors, order, overlap, damage.
#include "mpi/exchange.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/errors.h"
#include "mpi/message.h"

namespace r1::mpi {

/// What a generator might send: records and tensors in one value.
struct Chunk {
  std::vector<data::Rollout> rollouts;
  at::Tensor hidden;
  std::vector<at::Tensor> more;
};
template <class Archive>
void serialize(Archive& archive, Chunk& chunk, unsigned) {
  archive& chunk.rollouts& chunk.hidden& chunk.more;
}

namespace {

constexpr int kTag = 3;
constexpr std::int64_t kLarge = 1 << 20;  // 4 MB in fp32: above every eager limit

data::Rollout make_rollout(int rank) {
  data::Rollout rollout;
  rollout.sample = rank * 10 + 7;
  rollout.group = rank;
  rollout.policy_version = 4;
  rollout.prompt.text = std::string("question\0with zero", 18);
  rollout.prompt.token_ids = {1, 2, rank};
  rollout.completion.token_ids = {9, 8};
  rollout.completion.logprobs = {-0.25, -1.0 / 3.0};
  rollout.completion.finish_reason = data::FinishReason::Length;
  rollout.reward.parts = {{"correctness", 1.0}, {"quality", 0.5}};
  rollout.reward.reason = "ok";
  rollout.reference_logprobs = {-0.5, -0.75};
  return rollout;
}

Chunk make_chunk(int rank) {
  return {{make_rollout(rank), make_rollout(rank + 1)},
          at::arange(kLarge, at::kFloat) + rank,
          {at::Tensor(), at::full({2, 3}, rank, at::kBFloat16), at::zeros({0, 4}, at::kLong)}};
}

void expect_equal(const data::Rollout& a, const data::Rollout& b) {
  EXPECT_EQ(a.sample, b.sample);
  EXPECT_EQ(a.group, b.group);
  EXPECT_EQ(a.policy_version, b.policy_version);
  EXPECT_EQ(a.prompt.text, b.prompt.text);
  EXPECT_EQ(a.prompt.token_ids, b.prompt.token_ids);
  EXPECT_EQ(a.completion.token_ids, b.completion.token_ids);
  EXPECT_EQ(a.completion.logprobs, b.completion.logprobs);
  EXPECT_EQ(a.completion.finish_reason, b.completion.finish_reason);
  EXPECT_EQ(a.reward.parts, b.reward.parts);
  EXPECT_EQ(a.reward.reason, b.reward.reason);
  EXPECT_EQ(a.reference_logprobs, b.reference_logprobs);
}

void expect_equal(const Chunk& a, const Chunk& b) {
  ASSERT_EQ(a.rollouts.size(), b.rollouts.size());
  for (std::size_t i = 0; i < a.rollouts.size(); ++i) expect_equal(a.rollouts[i], b.rollouts[i]);
  EXPECT_TRUE(at::equal(a.hidden, b.hidden));
  ASSERT_EQ(a.more.size(), b.more.size());
  for (std::size_t i = 0; i < a.more.size(); ++i) {
    ASSERT_EQ(a.more[i].defined(), b.more[i].defined());
    if (a.more[i].defined()) {
      EXPECT_EQ(a.more[i].scalar_type(), b.more[i].scalar_type());
      EXPECT_TRUE(at::equal(a.more[i], b.more[i]));
    }
  }
}

template <class F>
std::string mpi_error_of(F call) {
  try {
    call();
  } catch (const base::MpiError& error) {
    return error.what();
  }
  return {};
}

class ExchangeTest : public testing::Test {
 protected:
  Exchange exchange{MPI_COMM_WORLD};
  const int rank = world_rank();
  const int size = world_size();
};

// All ranks send to all, themselves included, before anyone receives.
TEST_F(ExchangeTest, LargeMessagesBetweenAllRanks) {
  for (int to = 0; to < size; ++to) exchange.send(to, kTag, make_chunk(rank));
  for (int from = size; from-- > 0;)
    expect_equal(exchange.receive<Chunk>(from, kTag), make_chunk(from));
  exchange.flush();
  EXPECT_EQ(exchange.num_outgoing(), 0U);
}

TEST_F(ExchangeTest, KeepsTheOrderOfEachTagAndTagsApart) {
  const int next = (rank + 1) % size;
  const int previous = (rank + size - 1) % size;
  for (int i = 0; i < 20; ++i) {
    exchange.send(next, kTag, at::full({i % 3 == 0 ? 100000 : 2}, i, at::kInt));
    exchange.send(next, kTag + 1, i * 2);
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(exchange.receive<int>(previous, kTag + 1), i * 2);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(exchange.receive<at::Tensor>(previous, kTag)[0].item<int>(), i);
  exchange.flush();
}

// The receiver "decodes", calling progress() only: the message arrives meanwhile, and the sender
// is done without the receiver having asked for it.
TEST_F(ExchangeTest, ProgressMovesLargeMessagesBehindTheReceiversWork) {
  if (size == 1) GTEST_SKIP() << "needs 2 ranks";
  if (rank == 0) {
    exchange.send(1, kTag, make_chunk(0));
    exchange.flush();
    exchange.send(1, kTag + 1, std::string("sent in full"));
    exchange.flush();
  } else if (rank == 1) {
    while (!exchange.try_receive<std::string>(0, kTag + 1)) {
      exchange.progress();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const auto chunk = exchange.try_receive<Chunk>(0, kTag);
    ASSERT_TRUE(chunk.has_value());
    expect_equal(*chunk, make_chunk(0));
  }
}

TEST_F(ExchangeTest, TryReceiveGivesNothingWhenNothingWasSent) {
  EXPECT_FALSE(exchange.try_receive<int>(rank, kTag).has_value());
}

TEST_F(ExchangeTest, AMessageToItselfIsACopy) {
  auto tensor = at::zeros({3});
  exchange.send(rank, kTag, tensor);
  tensor.fill_(5);
  EXPECT_TRUE(at::equal(exchange.receive<at::Tensor>(rank, kTag), at::zeros({3})));
}

TEST_F(ExchangeTest, WrongTypeIsNamed) {
  exchange.send(rank, kTag, make_rollout(0));
  const auto message = mpi_error_of([&] { exchange.receive<data::Prompt>(rank, kTag); });
  EXPECT_NE(message.find("expected type r1::data::Prompt, found r1::data::Rollout"),
            std::string::npos)
      << message;
}

TEST_F(ExchangeTest, WaitingForAMessageToItselfThatWasNeverSentIsAnError) {
  EXPECT_NE(mpi_error_of([&] { exchange.receive<int>(rank, kTag, "forgotten"); }), "");
}

TEST(Message, FlippedByteAnywhereInTheHeadIsFound) {
  const auto good = write_head(encode(make_rollout(1)));
  EXPECT_EQ(read_head(good, "of the test").type, "r1::data::Rollout");
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_NE(mpi_error_of([&] { read_head(bad, "of the test"); }), "") << "byte " << i;
  }
  for (std::size_t length = 0; length < good.size(); length += 7)
    EXPECT_NE(mpi_error_of([&] { read_head(good.substr(0, length), "of the test"); }), "");
}

TEST(Message, ChangedTensorIsFound) {
  auto tensor = at::arange(10, at::kFloat);
  const auto head = read_head(write_head(encode(tensor)), "of the test");
  ASSERT_EQ(head.tensors.size(), 1U);
  check_tensor(tensor, head.tensors[0], 0, "of the test");
  tensor[3] = 77;
  const auto message =
      mpi_error_of([&] { check_tensor(tensor, head.tensors[0], 0, "of the test"); });
  EXPECT_NE(message.find("tensor 0 is corrupt"), std::string::npos) << message;
}

}  // namespace
}  // namespace r1::mpi
