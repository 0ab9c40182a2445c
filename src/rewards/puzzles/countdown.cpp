#include "rewards/puzzles/countdown.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <optional>

#include "data/text.h"
#include "rewards/puzzles/reading.h"

namespace r1::rewards::puzzles {
namespace {

/// A rational in lowest terms with a positive denominator.
struct Ratio {
  std::int64_t top = 0;
  std::int64_t bottom = 1;
};

/// Nothing: overflow or division by zero.
std::optional<Ratio> make_ratio(std::int64_t top, std::int64_t bottom) {
  if (bottom == 0) return std::nullopt;
  const std::int64_t common = std::gcd(top, bottom) * (bottom < 0 ? -1 : 1);
  return Ratio{top / common, bottom / common};
}

std::optional<Ratio> product(const Ratio& a, const Ratio& b) {
  std::int64_t top = 0;
  std::int64_t bottom = 0;
  if (__builtin_mul_overflow(a.top, b.top, &top) ||
      __builtin_mul_overflow(a.bottom, b.bottom, &bottom))
    return std::nullopt;
  return make_ratio(top, bottom);
}

std::optional<Ratio> sum(const Ratio& a, const Ratio& b) {
  std::int64_t left = 0;
  std::int64_t right = 0;
  std::int64_t top = 0;
  std::int64_t bottom = 0;
  if (__builtin_mul_overflow(a.top, b.bottom, &left) ||
      __builtin_mul_overflow(b.top, a.bottom, &right) ||
      __builtin_add_overflow(left, right, &top) ||
      __builtin_mul_overflow(a.bottom, b.bottom, &bottom))
    return std::nullopt;
  return make_ratio(top, bottom);
}

/// Evaluates while it reads and notes each literal.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<Ratio> read(std::vector<std::int64_t>& used) {
    used_ = &used;
    auto value = terms();
    skip_space();
    return at_ == text_.size() ? value : std::nullopt;
  }

 private:
  static constexpr int kMaxDepth = 64;
  static constexpr std::size_t kMaxDigits = 9;

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(std::initializer_list<std::string_view> signs) {
    skip_space();
    for (const std::string_view sign : signs)
      if (text_.substr(at_, sign.size()) == sign) {
        at_ += sign.size();
        return true;
      }
    return false;
  }

  std::optional<Ratio> terms() {
    auto value = factors();
    while (value) {
      const bool plus = take({"+"});
      if (!plus && !take({"-", "−"})) break;
      auto next = factors();
      if (!next) return std::nullopt;
      if (!plus) next->top = -next->top;
      value = sum(*value, *next);
    }
    return value;
  }

  std::optional<Ratio> factors() {
    auto value = factor();
    while (value) {
      const bool times = take({"*", "×", "·", "\\times", "\\cdot"});
      if (!times && !take({"/", "÷", "\\div"})) break;
      const auto next = factor();
      if (!next) return std::nullopt;
      value = times ? product(*value, *next) : quotient(*value, *next);
    }
    return value;
  }

  static std::optional<Ratio> quotient(const Ratio& a, const Ratio& b) {
    const auto inverse = make_ratio(b.bottom, b.top);
    return inverse ? product(a, *inverse) : std::nullopt;
  }

  std::optional<Ratio> factor() {
    if (++depth_ > kMaxDepth) return std::nullopt;
    std::optional<Ratio> value;
    if (take({"-", "−"})) {
      value = factor();
      if (value) value->top = -value->top;
    } else if (take({"(", "\\left("})) {
      value = terms();
      if (!take({")", "\\right)"})) value.reset();
    } else if (take({"\\frac{", "\\dfrac{"})) {
      const auto top = terms();
      const bool middle = take({"}{"});
      const auto bottom = terms();
      if (take({"}"}) && middle && top && bottom) value = quotient(*top, *bottom);
    } else {
      value = literal();
    }
    --depth_;
    return value;
  }

  std::optional<Ratio> literal() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    if (at_ == begin || at_ - begin > kMaxDigits) return std::nullopt;
    const std::int64_t value =
        std::strtoll(std::string(text_.substr(begin, at_ - begin)).c_str(), nullptr, 10);
    used_->push_back(value);
    return Ratio{value, 1};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::vector<std::int64_t>* used_ = nullptr;
};

}  // namespace

bool read_countdown(const Puzzle& puzzle, CountdownPuzzle& out) {
  const auto& fields = puzzle.metadata;
  const auto numbers = fields.find(fields.contains("numbers") ? "numbers" : "nums");
  if (numbers == fields.end() || !numbers->is_array() || numbers->empty()) return false;
  for (const auto& number : *numbers) {
    if (!number.is_number_integer()) return false;
    out.numbers.push_back(number.get<std::int64_t>());
  }
  std::sort(out.numbers.begin(), out.numbers.end());
  constexpr std::int64_t kPuzzle24 = 24;
  const auto target = fields.find("target");
  const bool given = target != fields.end() && target->is_number_integer();
  out.target = given ? target->get<std::int64_t>() : kPuzzle24;
  return given || puzzle.task == "puzzle24";
}

CountdownResult play_countdown(std::string_view expression, const CountdownPuzzle& puzzle,
                               bool use_all) {
  constexpr std::size_t kMaxBytes = 1024;
  CountdownResult result;
  const std::string text =
      unwrapped(data::split_at(unwrapped(expression.substr(0, kMaxBytes)), "=").front());
  std::vector<std::int64_t> used;
  const auto value = Reader(text).read(used);
  result.readable = value.has_value();
  std::sort(used.begin(), used.end());
  result.legal =
      result.readable && (use_all ? used == puzzle.numbers
                                  : std::includes(puzzle.numbers.begin(), puzzle.numbers.end(),
                                                  used.begin(), used.end()));
  result.hit = result.legal && value->bottom == 1 && value->top == puzzle.target;
  return result;
}

Verdict countdown(std::string_view answer, const Puzzle& puzzle) {
  CountdownPuzzle numbers;
  if (!read_countdown(puzzle, numbers)) return Verdict::NoGold;
  const CountdownResult result = play_countdown(answer, numbers, true);
  if (!result.readable) return Verdict::Unreadable;
  return result.hit ? Verdict::Right : Verdict::Wrong;
}

}  // namespace r1::rewards::puzzles
