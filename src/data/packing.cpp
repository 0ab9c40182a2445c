#include "data/packing.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/errors.h"

namespace r1::data {
namespace {

std::int64_t length_of(const std::vector<TokenId>& ids) {
  return static_cast<std::int64_t>(ids.size());
}

std::int64_t expert_bytes_per_token(const TrainingSample& s) {
  const auto tokens = packed_length(s), bytes = static_cast<std::int64_t>(s.experts.size());
  R1_CHECK(tokens > 0 ? bytes % tokens == 0 : bytes == 0, "{} bytes of experts for {} tokens",
           bytes, tokens);
  return tokens > 0 ? bytes / tokens : 0;
}

std::span<const std::uint8_t> experts_of(const TrainingSample& s, std::int64_t begin,
                                         std::int64_t count) {
  const auto width = expert_bytes_per_token(s);
  return std::span(s.experts).subspan(static_cast<std::size_t>(begin * width),
                                      static_cast<std::size_t>(count * width));
}

/// What samples must have in common to share their prompt.
struct PromptKey {
  explicit PromptKey(const TrainingSample& s) : ids(s.prompt_ids) {
    const auto of_prompt = experts_of(s, 0, length_of(ids));
    experts.assign(of_prompt.begin(), of_prompt.end());
  }
  auto operator<=>(const PromptKey&) const = default;

  std::vector<TokenId> ids;
  std::vector<std::uint8_t> experts;
};

class Packer {
 public:
  Packer(std::span<const TrainingSample> samples, std::span<const std::int64_t> indices)
      : samples_(samples), indices_(indices) {}

  MicroBatch run(bool share_prompts) {
    std::vector<std::int64_t> order(indices_.begin(), indices_.end());
    if (share_prompts) group_by_prompt(order);
    for (const std::int64_t index : order) add(index, samples_[static_cast<std::size_t>(index)]);
    return std::move(batch_);
  }

 private:
  /// Counts each prompt's uses and brings equal ones together, in the order of their first
  /// appearance: continuations stand right behind their prefix.
  void group_by_prompt(std::vector<std::int64_t>& order) {
    std::map<PromptKey, std::size_t> first;
    std::map<std::int64_t, std::size_t> rank;
    for (const std::int64_t index : order) {
      const PromptKey prompt(samples_[static_cast<std::size_t>(index)]);
      ++uses_[prompt];
      rank[index] = first.emplace(prompt, first.size()).first->second;
    }
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return rank[a] < rank[b]; });
  }

  void add(std::int64_t index, const TrainingSample& s) {
    if (num_targets(s) == 0)
      throw base::InputError(
          fmt::format("sample {}: no token to predict ({} prompt, {} completion)", index,
                      s.prompt_ids.size(), s.completion_ids.size()));
    R1_CHECK(batch_.samples.empty() || s.experts.empty() == batch_.experts.empty(),
             "sample {}: of some samples of a batch experts are recorded, of others not", index);
    const PromptKey key(s);
    const auto uses = uses_.find(key);
    const bool shared = !s.prompt_ids.empty() && uses != uses_.end() && uses->second > 1;
    const std::int64_t prompt = length_of(s.prompt_ids);
    std::int64_t prefix = -1;
    std::int64_t last_prompt_row = -1;
    std::int64_t own_start = batch_.num_tokens();
    if (shared) {
      prefix = prefix_segment(key);
      const Segment& segment = batch_.segments[static_cast<std::size_t>(prefix)];
      last_prompt_row = segment.start + segment.length - 1;
      own_start = batch_.num_tokens();
    } else {
      append(s.prompt_ids, prompt, 0, 1, key.experts);
      last_prompt_row = prompt > 0 ? batch_.num_tokens() - 1 : -1;
    }
    const std::int64_t first_row = batch_.num_tokens();
    const auto rest = length_of(s.completion_ids) - 1;
    append(s.completion_ids, rest, prompt, 1, experts_of(s, prompt, rest));
    if (batch_.num_tokens() > own_start)
      batch_.segments.push_back({own_start, batch_.num_tokens() - own_start, prefix});
    add_losses(index, s, last_prompt_row, first_row);
  }

  std::int64_t prefix_segment(const PromptKey& prompt) {
    const auto found = prefixes_.find(prompt);
    if (found != prefixes_.end()) return found->second;
    const std::int64_t start = batch_.num_tokens();
    append(prompt.ids, length_of(prompt.ids), 0, uses_.at(prompt), prompt.experts);
    batch_.segments.push_back({start, length_of(prompt.ids), -1});
    const auto segment = static_cast<std::int64_t>(batch_.segments.size()) - 1;
    prefixes_.emplace(prompt, segment);
    return segment;
  }

  void append(const std::vector<TokenId>& ids, std::int64_t count, std::int64_t position,
              std::int64_t uses, std::span<const std::uint8_t> experts) {
    batch_.experts.insert(batch_.experts.end(), experts.begin(), experts.end());
    for (std::int64_t k = 0; k < count; ++k) {
      batch_.token_ids.push_back(ids[static_cast<std::size_t>(k)]);
      batch_.position_ids.push_back(position + k);
      batch_.token_uses.push_back(uses);
    }
  }

  /// The first completion token is predicted by the last prompt token, the others by their
  /// predecessors.
  void add_losses(std::int64_t index, const TrainingSample& s, std::int64_t last_prompt_row,
                  std::int64_t first_row) {
    SampleRange range;
    range.sample = index;
    range.begin = static_cast<std::int64_t>(batch_.loss_rows.size());
    range.first_token = last_prompt_row < 0 ? 1 : 0;
    for (std::int64_t k = range.first_token; k < length_of(s.completion_ids); ++k) {
      if (!s.learnt.empty() && s.learnt[static_cast<std::size_t>(k)] == 0) continue;
      batch_.loss_rows.push_back(k == 0 ? last_prompt_row : first_row + k - 1);
      batch_.loss_targets.push_back(s.completion_ids[static_cast<std::size_t>(k)]);
    }
    range.end = static_cast<std::int64_t>(batch_.loss_rows.size());
    batch_.samples.push_back(range);
  }

  std::span<const TrainingSample> samples_;
  std::span<const std::int64_t> indices_;
  std::map<PromptKey, int> uses_;
  std::map<PromptKey, std::int64_t> prefixes_;
  MicroBatch batch_;
};

}  // namespace

MicroBatch pack(std::span<const TrainingSample> samples, std::span<const std::int64_t> indices,
                bool share_prompts) {
  return Packer(samples, indices).run(share_prompts);
}

std::int64_t packed_length(const TrainingSample& sample) {
  return length_of(sample.prompt_ids) +
         std::max<std::int64_t>(length_of(sample.completion_ids) - 1, 0);
}

namespace {

/// The prompts of a list that is being filled, and the tokens that samples add to it.
class PackedTokens {
 public:
  explicit PackedTokens(bool share_prompts) : share_prompts_(share_prompts) {}

  std::int64_t added_by(std::span<const TrainingSample> samples) const {
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < samples.size(); ++i)
      tokens +=
          packed_length(samples[i]) - (is_known(samples, i) ? length_of(samples[i].prompt_ids) : 0);
    return tokens;
  }
  void add(std::span<const TrainingSample> samples) {
    used_ += added_by(samples);
    if (!share_prompts_) return;
    for (const TrainingSample& s : samples) prompts_.emplace(s);
  }
  std::int64_t used() const { return used_; }

 private:
  /// Whether the prompt of samples[i] is in the list or comes before it in `samples`.
  bool is_known(std::span<const TrainingSample> samples, std::size_t i) const {
    if (!share_prompts_) return false;
    const PromptKey prompt(samples[i]);
    return prompts_.count(prompt) > 0 ||
           std::any_of(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(i),
                       [&](const TrainingSample& s) { return PromptKey(s) == prompt; });
  }

  bool share_prompts_;
  std::set<PromptKey> prompts_;
  std::int64_t used_ = 0;
};

}  // namespace

std::vector<std::vector<std::int64_t>> split_by_tokens(std::span<const TrainingSample> samples,
                                                       std::int64_t token_budget,
                                                       bool share_prompts, std::int64_t together) {
  std::vector<std::vector<std::int64_t>> lists;
  PackedTokens packed(share_prompts);
  const auto size = static_cast<std::int64_t>(samples.size());
  for (std::int64_t begin = 0; begin < size; begin += together) {
    const auto count = std::min(together, size - begin);
    const auto unit =
        samples.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
    if (lists.empty() || packed.used() + packed.added_by(unit) > token_budget) {
      lists.emplace_back();
      packed = PackedTokens(share_prompts);
    }
    packed.add(unit);
    for (std::int64_t i = begin; i < begin + count; ++i) lists.back().push_back(i);
  }
  return lists;
}

TrainingSample training_sample(const Rollout& rollout) {
  return {rollout.prompt.token_ids, rollout.completion.token_ids, sampled_mask(rollout.completion)};
}

}  // namespace r1::data
