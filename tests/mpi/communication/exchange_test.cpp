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

/// Every field differs from what an empty rollout has (see the test of that).
data::Rollout make_rollout(int rank) {
  data::Rollout rollout;
  rollout.sample = rank * 10 + 7;
  rollout.group = rank + 1;
  rollout.policy_version = 4;
  rollout.origin = 5;
  rollout.prompt = {.index = rank + 1,
                    .token_ids = {1, 2, rank},
                    .text = std::string("question\0with zero", 18),
                    .opening = "zero",
                    .problem = "question",
                    .answer = "7",
                    .domain = "arithmetic",
                    .record = "{}"};
  rollout.completion = {
      .token_ids = {9, 8},
      .logprobs = {-0.25, -1.0 / 3.0},
      .kept_mass = {0.5, 1.0},
      .text = "an answer",
      .finish_reason = data::FinishReason::Length,
      .answers =
          {{.begin = 1, .end = 2, .call = "6 + 1", .text = "7", .status = "ok", .seconds = 0.25}},
      .experts = {3, 1},
      .versions = {{0, 3}, {1, 4}}};
  rollout.reward = {.total = 0.75,
                    .parts = {{"correctness", 1.0}, {"quality", 0.5}},
                    .reason = "ok",
                    .drop = true};
  rollout.reference_logprobs = {-0.5, -0.75};
  return rollout;
}

/// The fields of a record as texts. A field more does not compile here.
std::vector<std::string> fields(const data::Prompt& prompt) {
  const auto& [index, token_ids, text, opening, problem, answer, domain, record] = prompt;
  return {std::to_string(index),
          testing::PrintToString(token_ids),
          text,
          opening,
          problem,
          answer,
          domain,
          record};
}
std::vector<std::string> fields(const data::ToolAnswer& tool_answer) {
  const auto& [begin, end, call, text, status, seconds] = tool_answer;
  return {std::to_string(begin), std::to_string(end), call, text, status, std::to_string(seconds)};
}
std::vector<std::string> fields(const data::Completion& completion) {
  const auto& [token_ids, logprobs, kept_mass, text, finish_reason, answers, experts, versions] =
      completion;
  std::vector<std::string> all{testing::PrintToString(token_ids),
                               testing::PrintToString(logprobs),
                               testing::PrintToString(kept_mass),
                               text,
                               std::to_string(static_cast<int>(finish_reason)),
                               testing::PrintToString(experts),
                               testing::PrintToString(versions)};
  const auto of_answer = fields(answers.empty() ? data::ToolAnswer() : answers.front());
  all.insert(all.end(), of_answer.begin(), of_answer.end());
  return all;
}
std::vector<std::string> fields(const data::Reward& reward) {
  const auto& [total, parts, reason, drop] = reward;
  return {std::to_string(total), testing::PrintToString(parts), reason, std::to_string(drop)};
}
std::vector<std::string> fields(const data::Rollout& rollout) {
  const auto& [sample, group, policy_version, origin, prompt, completion, reward,
               reference_logprobs] = rollout;
  std::vector<std::string> all{std::to_string(sample), std::to_string(group),
                               std::to_string(policy_version), std::to_string(origin),
                               testing::PrintToString(reference_logprobs)};
  for (const auto& part : {fields(prompt), fields(completion), fields(reward)})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

Chunk make_chunk(int rank) {
  return {{make_rollout(rank), make_rollout(rank + 1)},
          at::arange(kLarge, at::kFloat) + rank,
          {at::Tensor(), at::full({2, 3}, rank, at::kBFloat16), at::zeros({0, 4}, at::kLong)}};
}

void expect_equal(const Chunk& a, const Chunk& b) {
  EXPECT_EQ(a.rollouts, b.rollouts);
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

// Else a field that a message leaves out could not be seen.
TEST(ExchangedRollout, DiffersFromAnEmptyOneInEveryField) {
  const auto filled = fields(make_rollout(0)), empty = fields(data::Rollout());
  ASSERT_EQ(filled.size(), empty.size());
  for (std::size_t i = 0; i < filled.size(); ++i) EXPECT_NE(filled[i], empty[i]) << "field " << i;
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
