// Rewards of a completion's length: a cosine that depends on the verdict, and DAPO's soft overlong
// punishment.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "rewards/registry.h"

namespace r1::rewards {
namespace {

/// The configured limit, else the sampling limit.
double limit_of(std::int64_t configured, const RewardInput& input) {
  return static_cast<double>(configured > 0 ? configured : input.max_tokens);
}

/// long + (short - long) (1 + cos(pi min(n / max, 1))) / 2. Reference: arXiv 2502.03373, section 4.
class Length : public Reward {
 public:
  explicit Length(const RewardOptions& options)
      : options_(options.length), correctness_(make_correctness(options)) {}

  RewardParts score(const RewardInput& input) const override {
    const double limit = limit_of(options_.max_tokens, input);
    const double n = static_cast<double>(input.num_tokens);
    const double progress = limit > 0.0 ? std::min(n / limit, 1.0) : 0.0;
    const bool right = correctness_->score(input).parts.front().second >= 1.0;
    const double at_start = right ? options_.correct_short : options_.wrong_short;
    const double at_end = right ? options_.correct_long : options_.wrong_long;
    const double share = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    return {{{"length", at_end + (at_start - at_end) * share}}, "", false};
  }

 private:
  LengthOptions options_;
  std::unique_ptr<Reward> correctness_;
};

/// 1 up to max - buffer, falling to 0 at max: one plus DAPO's penalty, so that the part lies in
/// [0, 1]; a group's advantages do not see the constant.
class Overlong : public Reward {
 public:
  explicit Overlong(const OverlongOptions& options) : options_(options) {}

  RewardParts score(const RewardInput& input) const override {
    const double limit = limit_of(options_.max_tokens, input);
    const double n = static_cast<double>(input.num_tokens);
    const double left = (limit - n) / static_cast<double>(options_.buffer_tokens);
    const double value = limit <= 0.0 ? 1.0 : std::clamp(left, 0.0, 1.0);
    return {{{"overlong", input.truncated ? 0.0 : value}}, "", false};
  }

 private:
  OverlongOptions options_;
};

}  // namespace

std::unique_ptr<Reward> make_length(const RewardOptions& options) {
  return std::make_unique<Length>(options);
}

std::unique_ptr<Reward> make_overlong(const RewardOptions& options) {
  return std::make_unique<Overlong>(options.overlong);
}

}  // namespace r1::rewards
