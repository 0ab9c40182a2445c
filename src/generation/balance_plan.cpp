#include "generation/balance_plan.h"

#include <algorithm>
#include <numeric>

namespace r1::generation {
namespace {

/// A running sample moves only between engines whose numbers of samples differ by this factor.
constexpr std::int64_t kWorthwhile = 2;

/// How many samples each engine holds above its share (negative: below it). What does not divide
/// stays with those that hold most.
std::vector<std::int64_t> surpluses(std::span<const EngineLoad> loads,
                                    const std::vector<std::size_t>& fullest_first) {
  std::int64_t total = 0;
  for (const auto& load : loads) total += load.unfinished();
  const auto engines = static_cast<std::int64_t>(loads.size());
  std::vector<std::int64_t> surplus(loads.size());
  for (std::size_t place = 0; place < fullest_first.size(); ++place) {
    const auto engine = fullest_first[place];
    const bool gets_rest = static_cast<std::int64_t>(place) < total % engines;
    surplus[engine] = loads[engine].unfinished() - total / engines - (gets_rest ? 1 : 0);
  }
  return surplus;
}

}  // namespace

std::vector<SampleMove> plan_moves(std::span<const EngineLoad> loads) {
  std::vector<std::size_t> order(loads.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return loads[a].unfinished() > loads[b].unfinished();
  });
  auto surplus = surpluses(loads, order);
  std::vector<SampleMove> moves;
  auto receiver = order.rbegin();
  for (const auto giver : order) {
    auto waiting = loads[giver].waiting;
    while (surplus[giver] > 0 && receiver != order.rend()) {
      const auto to = *receiver;
      if (surplus[to] >= 0) {
        ++receiver;
        continue;
      }
      const auto wanted = std::min(surplus[giver], -surplus[to]);
      const bool worthwhile = loads[giver].unfinished() >= kWorthwhile * loads[to].unfinished();
      SampleMove move{giver, to, std::min(wanted, waiting), 0};
      if (worthwhile) move.running = wanted - move.waiting;
      const auto moved = move.waiting + move.running;
      if (moved == 0) break;
      moves.push_back(move);
      waiting -= move.waiting;
      surplus[giver] -= moved;
      surplus[to] += moved;
      if (moved < wanted) break;  // the rest of this giver is running and stays
    }
  }
  std::sort(moves.begin(), moves.end(), [](const SampleMove& a, const SampleMove& b) {
    return std::pair(a.from, a.to) < std::pair(b.from, b.to);
  });
  return moves;
}

}  // namespace r1::generation
