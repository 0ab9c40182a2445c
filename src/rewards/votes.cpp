#include "rewards/votes.h"

#include "data/text.h"
#include "rewards/maths/verify.h"
#include "rewards/puzzles/answer.h"
#include "rewards/puzzles/reading.h"

namespace r1::rewards {
namespace {

bool same_vote(const std::string& a, const std::string& b) {
  if (a == b) return true;
  constexpr std::size_t kMathsBytes = 256;  // longer answers are no formulas
  return a.size() <= kMathsBytes && b.size() <= kMathsBytes &&
         maths::verify(a, "<answer>" + b + "</answer>").score == 1.0;
}

}  // namespace

std::string vote_of(const std::string& completion, const std::string& gold,
                    const TagOptions& tags) {
  const std::string answer = puzzles::answer_of(completion, tags, gold);
  return data::lower_ascii(puzzles::normal_layout(puzzles::unwrapped(answer)));
}

std::ptrdiff_t majority_sample(const std::vector<std::string>& votes, std::size_t least) {
  struct Group {
    std::size_t first;
    std::size_t size;
  };
  std::vector<Group> groups;
  for (std::size_t i = 0; i < votes.size(); ++i) {
    if (votes[i].empty()) continue;
    bool joined = false;
    for (Group& group : groups) {
      joined = same_vote(votes[group.first], votes[i]);
      if (!joined) continue;
      ++group.size;
      break;
    }
    if (!joined) groups.push_back({i, 1});
  }
  const Group* largest = nullptr;
  for (const Group& group : groups)
    if (largest == nullptr || group.size > largest->size) largest = &group;
  return largest == nullptr || largest->size < least ? -1
                                                     : static_cast<std::ptrdiff_t>(largest->first);
}

}  // namespace r1::rewards
