#pragma once
// Plans how parts of tensors travel from the ranks that hold the tensors in one layout to the ranks
// that hold the tensors in another layout. Pure arithmetic with the same result on every rank;
// transfer() (transfer.h) carries the plan out.
//
// A rank receives exactly the boxes that it holds in the target layout and not in the source
// layout. Of several ranks that hold a box, the sender is a rank on the receiver's node if there is
// one, and among these one that has sent the fewest buckets so far, the receiver's last sender
// before others: a receiver's messages grow with its bytes, not with the ranks. Boxes travel in
// rounds: in one round a rank sends and receives at most one bucket together, and at most one
// message to each other rank. Rounds follow the order of the tensors.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "parallel/box.h"

namespace r1::parallel {

/// A box of the tensor with index `tensor`.
struct TensorBox {
  std::size_t tensor;
  Box box;

  bool operator==(const TensorBox&) const = default;
};

/// The parts of tensors that the ranks of a communicator hold in one layout. Ranks with equal parts
/// share a list. Boxes of one tensor on several ranks are equal or disjoint.
struct Holdings {
  static constexpr std::size_t kNothing = std::numeric_limits<std::size_t>::max();

  std::vector<std::vector<TensorBox>> lists;
  std::vector<std::size_t> list_of_rank;  // index into lists, by rank; kNothing: holds nothing
};

struct TransferOptions {
  std::int64_t bucket_bytes = std::int64_t{64} << 20;
  std::vector<int> node_of_rank = {};  // empty: all ranks are on one node
};

/// Boxes that travel together between this rank and another rank.
struct Message {
  int peer;
  std::vector<TensorBox> boxes;  // in the order of the message, without gaps between them
  std::int64_t bytes = 0;
};

/// What this rank does in one round. Messages are ordered by peer.
struct TransferRound {
  std::vector<Message> sends, receives;
  std::vector<TensorBox> own;  // held in both layouts by this rank: copied, not sent

  bool is_empty() const { return sends.empty() && receives.empty() && own.empty(); }
};

/// What a rank sends and receives in all rounds.
struct RankTraffic {
  std::int64_t bytes_out = 0, bytes_in = 0;
  std::int64_t messages_out = 0, messages_in = 0;
};

struct TransferPlan {
  std::vector<TransferRound> rounds;   // of this rank; the rounds of all ranks correspond
  std::vector<RankTraffic> traffic;    // of every rank
  std::int64_t most_bytes_in() const;  // into the rank that receives most
};

/// The plan as rank `rank` carries it out. `dtypes`: of the tensors on the way. Throws:
/// InternalError if no rank holds a part that a rank of the target layout needs.
TransferPlan plan_transfer(std::span<const at::ScalarType> dtypes, const Holdings& sources,
                           const Holdings& targets, const TransferOptions& options, int rank);

}  // namespace r1::parallel
