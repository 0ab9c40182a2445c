// The countdown puzzle: an expression over given numbers, each used once, that makes the target.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "data/text.h"
#include "rewards/maths/evaluate.h"
#include "rewards/maths/extract.h"
#include "rewards/maths/parse.h"
#include "rewards/registry.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

using maths::Kind;
using maths::Node;

struct Puzzle {
  std::vector<std::string> numbers;  // decimal integers, sorted
  std::string target;
};

/// Fields "numbers" or "nums" and "target" of the record or its "metadata".
bool read_puzzle(const std::string& record, Puzzle& puzzle) {
  auto json = nlohmann::json::parse(record, nullptr, false);
  if (json.is_object() && json.contains("metadata") && json["metadata"].is_object())
    json = nlohmann::json(json["metadata"]);
  if (!json.is_object()) return false;
  const auto numbers = json.find(json.contains("numbers") ? "numbers" : "nums");
  const auto target = json.find("target");
  if (numbers == json.end() || target == json.end() || !numbers->is_array()) return false;
  if (!target->is_number_integer()) return false;
  for (const auto& n : *numbers) {
    if (!n.is_number_integer()) return false;
    puzzle.numbers.push_back(std::to_string(n.get<std::int64_t>()));
  }
  std::sort(puzzle.numbers.begin(), puzzle.numbers.end());
  puzzle.target = std::to_string(target->get<std::int64_t>());
  return true;
}

/// Collects the literals; false when anything but + - * / of integers occurs.
bool collect_numbers(const Node& node, std::vector<std::string>& numbers) {
  if (node.kind == Kind::Number) {
    if (node.text.find('.') != std::string::npos) return false;
    numbers.push_back(node.text);
    return true;
  }
  const bool allowed = node.kind == Kind::Add || node.kind == Kind::Multiply ||
                       node.kind == Kind::Divide || node.kind == Kind::Negate;
  return allowed && std::all_of(node.children.begin(), node.children.end(),
                                [&](const Node& c) { return collect_numbers(c, numbers); });
}

class Countdown : public Reward {
 public:
  explicit Countdown(const RewardOptions& options)
      : options_(options.countdown), tags_(options.tags) {}

  RewardParts score(const RewardInput& input) const override {
    Puzzle puzzle;
    if (!read_puzzle(input.record, puzzle)) return result(0.0, "unparsable_gold");
    const std::string text = answer(input.completion);
    if (text.empty()) return result(0.0, "no_answer");
    const auto parsed = maths::parse(text);
    if (!parsed.node) return result(0.0, parsed.limit ? "limit" : "unparsable_answer");
    const Node& node = left_side(*parsed.node);
    std::vector<std::string> used;
    if (!collect_numbers(node, used)) return result(0.0, "unparsable_answer");
    std::sort(used.begin(), used.end());
    const bool legal =
        options_.use_all
            ? used == puzzle.numbers
            : std::includes(puzzle.numbers.begin(), puzzle.numbers.end(), used.begin(), used.end());
    if (!legal) return result(0.0, "wrong");
    const maths::Value value = maths::evaluate(node, {}, maths::Limits{});
    const bool hit =
        value.state == maths::Value::State::Exact && value.exact.to_string() == puzzle.target;
    return hit ? result(1.0, "ok") : result(options_.valid_expression, "wrong");
  }

 private:
  static RewardParts result(double value, const std::string& reason) {
    return {{{"countdown", value}}, reason, reason == "unparsable_gold"};
  }

  /// "3 * 4 = 12": the expression counts.
  static const Node& left_side(const Node& node) {
    return node.kind == Kind::Relation && node.text == "=" ? node.children[0] : node;
  }

  std::string answer(const std::string& completion) const {
    std::string content;
    if (!tags_.answer.empty() && last_answer_block(completion, tags_.answer, content))
      return data::trim(content);
    const Sections sections = split_sections(completion, tags_);
    return maths::extract_answer(sections.rest).text;
  }

  CountdownOptions options_;
  TagOptions tags_;
};

}  // namespace

std::unique_ptr<Reward> make_countdown(const RewardOptions& options) {
  return std::make_unique<Countdown>(options);
}

}  // namespace r1::rewards
