#pragma once
// What can be checked in a line of reasoning without knowing its subject: steps, reused values,
// true equations, agreement of the answer with the thinking part. The guide calls these measures
// and never defines them; the definitions are this project's.
#include <string>
#include <string_view>
#include <vector>

#include "rewards/options.h"

namespace r1::rewards {

/// Non-empty lines of the thinking part that hold a relation sign, or begin with a number, a
/// bullet, 'Step', '단계' or a connective.
std::vector<std::string> reasoning_steps(std::string_view thinking, const QualityOptions& options);

/// Share of steps that reuse a value of an earlier step or of the problem; 0 without steps.
double logical_flow(const std::vector<std::string>& steps, std::string_view problem);

/// Whether one of the operators occurs; with `operators_between_operands` only as an operator: the
/// hyphen of "well-known" is none.
bool uses_operators(std::string_view text, const QualityOptions& options);

/// The checkable facts; a fact that cannot be checked in this text is not `applicable`.
struct Facts {
  double tags_in_order = 0.0;
  bool answer_applicable = false;
  double answer_agrees = 0.0;
  bool equations_applicable = false;
  double equations_true = 0.0;
  double without_repetition = 0.0;

  /// Mean of the applicable ones.
  double mean() const;
};
/// All zero for an empty completion.
Facts consistency_facts(std::string_view completion, const TagOptions& tags,
                        const QualityOptions& options);

}  // namespace r1::rewards
