#include "parallel/transfer_plan.h"

#include <algorithm>
#include <tuple>

#include "base/errors.h"

namespace r1::parallel {
namespace {

std::size_t index_of(int rank) {
  return static_cast<std::size_t>(rank);
}

/// A box of a tensor and all ranks that hold this box.
struct Held {
  Box box;
  std::vector<int> ranks;
};

/// The boxes of each tensor with the ranks that hold them, ascending.
std::vector<std::vector<Held>> by_tensor(const Holdings& holdings, std::size_t num_tensors) {
  std::vector<std::vector<int>> ranks_of_list(holdings.lists.size());
  for (std::size_t rank = 0; rank < holdings.list_of_rank.size(); ++rank)
    if (const auto list = holdings.list_of_rank[rank]; list != Holdings::kNothing)
      ranks_of_list[list].push_back(static_cast<int>(rank));
  std::vector<std::vector<Held>> tensors(num_tensors);
  for (std::size_t list = 0; list < holdings.lists.size(); ++list)
    for (const auto& [tensor, box] : holdings.lists[list]) {
      auto& boxes = tensors.at(tensor);
      const auto& ranks = ranks_of_list[list];
      const auto same = std::find_if(boxes.begin(), boxes.end(),
                                     [&box = box](const Held& held) { return held.box == box; });
      if (same == boxes.end())
        boxes.push_back({box, ranks});
      else
        same->ranks.insert(same->ranks.end(), ranks.begin(), ranks.end());
    }
  for (auto& boxes : tensors)
    for (auto& held : boxes) std::sort(held.ranks.begin(), held.ranks.end());
  return tensors;
}

/// Appends boxes to the messages of one rank's rounds.
class Planner {
 public:
  Planner(std::span<const at::ScalarType> dtypes, const TransferOptions& options,
          std::size_t num_ranks, int rank)
      : dtypes_(dtypes),
        options_(options),
        rank_(rank),
        used_(num_ranks, 0),
        last_sent_(num_ranks),
        last_sender_(num_ranks, -1) {
    plan_.traffic.resize(num_ranks);
    plan_.rounds.emplace_back();
  }

  /// Rank `to` needs `box` of a tensor, and every rank of `holders` has it.
  void add(std::size_t tensor, const Box& box, const std::vector<int>& holders, int to) {
    if (std::binary_search(holders.begin(), holders.end(), to)) {
      if (to == rank_) plan_.rounds.back().own.push_back({tensor, box});
      return;
    }
    const auto from = sender(holders, to);
    const auto bytes = static_cast<std::int64_t>(c10::elementSize(dtypes_[tensor]));
    for (const auto& piece : cut(box, std::max<std::int64_t>(1, options_.bucket_bytes / bytes)))
      send({tensor, piece}, volume(piece.extent) * bytes, from, to);
  }

  TransferPlan take() && {
    for (auto& round : plan_.rounds)
      for (auto* messages : {&round.sends, &round.receives}) arrange(*messages);
    return std::move(plan_);
  }

 private:
  bool are_near(int a, int b) const {
    const auto& nodes = options_.node_of_rank;
    return nodes.empty() || nodes[index_of(a)] == nodes[index_of(b)];
  }

  /// Ranks that have sent as many buckets are alike: a receiver keeps its sender, and so has few.
  int sender(const std::vector<int>& holders, int to) const {
    const auto cost = [&](int from) {
      const auto bytes = plan_.traffic[index_of(from)].bytes_out;
      return std::tuple(!are_near(from, to), bytes / options_.bucket_bytes,
                        from != last_sender_[index_of(to)], bytes);
    };
    return *std::min_element(holders.begin(), holders.end(),
                             [&](int a, int b) { return cost(a) < cost(b); });
  }

  void send(TensorBox box, std::int64_t bytes, int from, int to) {
    auto &out = used_[index_of(from)], &in = used_[index_of(to)];
    if (out + bytes > options_.bucket_bytes || in + bytes > options_.bucket_bytes) next_round();
    out += bytes;
    in += bytes;
    auto &sender = plan_.traffic[index_of(from)], &receiver = plan_.traffic[index_of(to)];
    last_sender_[index_of(to)] = from;
    sender.bytes_out += bytes;
    receiver.bytes_in += bytes;
    auto& peers = last_sent_[index_of(from)];
    if (std::find(peers.begin(), peers.end(), to) == peers.end()) {
      peers.push_back(to);
      ++sender.messages_out;
      ++receiver.messages_in;
    }
    auto& round = plan_.rounds.back();
    if (from == rank_)
      append(round.sends, to, std::move(box), bytes);
    else if (to == rank_)
      append(round.receives, from, std::move(box), bytes);
  }

  void next_round() {
    std::fill(used_.begin(), used_.end(), 0);
    for (auto& peers : last_sent_) peers.clear();
    plan_.rounds.emplace_back();
  }

  static void append(std::vector<Message>& messages, int peer, TensorBox box, std::int64_t bytes) {
    auto found = std::find_if(messages.begin(), messages.end(),
                              [peer](const Message& message) { return message.peer == peer; });
    if (found == messages.end()) found = messages.insert(messages.end(), Message{peer, {}, 0});
    found->boxes.push_back(std::move(box));
    found->bytes += bytes;
  }

  /// Wider elements come first in a message, so that every box is aligned without gaps.
  void arrange(std::vector<Message>& messages) const {
    std::sort(messages.begin(), messages.end(),
              [](const Message& a, const Message& b) { return a.peer < b.peer; });
    for (auto& message : messages)
      std::stable_sort(
          message.boxes.begin(), message.boxes.end(), [&](const TensorBox& a, const TensorBox& b) {
            return c10::elementSize(dtypes_[a.tensor]) > c10::elementSize(dtypes_[b.tensor]);
          });
  }

  std::span<const at::ScalarType> dtypes_;
  const TransferOptions& options_;
  int rank_;
  TransferPlan plan_;
  std::vector<std::int64_t> used_;           // bytes of each rank in this round
  std::vector<std::vector<int>> last_sent_;  // ranks that each rank sends to in this round
  std::vector<int> last_sender_;             // to each rank
};

}  // namespace

std::int64_t TransferPlan::most_bytes_in() const {
  std::int64_t most = 0;
  for (const auto& rank : traffic) most = std::max(most, rank.bytes_in);
  return most;
}

TransferPlan plan_transfer(std::span<const at::ScalarType> dtypes, const Holdings& sources,
                           const Holdings& targets, const TransferOptions& options, int rank) {
  const auto num_ranks = std::max(sources.list_of_rank.size(), targets.list_of_rank.size());
  const auto held = by_tensor(sources, dtypes.size()), wanted = by_tensor(targets, dtypes.size());
  Planner planner(dtypes, options, num_ranks, rank);
  for (std::size_t tensor = 0; tensor < dtypes.size(); ++tensor)
    for (const auto& [box, receivers] : wanted[tensor]) {
      std::int64_t covered = 0;
      for (const auto& source : held[tensor]) {
        const auto common = intersect(source.box, box);
        if (!common) continue;
        covered += volume(common->extent);
        for (const int to : receivers) planner.add(tensor, *common, source.ranks, to);
      }
      R1_CHECK(covered == volume(box.extent), "tensor {}: {} of the {} elements of {} are held",
               tensor, covered, volume(box.extent), to_string(box));
    }
  return std::move(planner).take();
}

}  // namespace r1::parallel
