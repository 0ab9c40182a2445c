#pragma once
// Checks of a chain of reasoning that need no knowledge of the subject: steps, reused values, true
// equations, and whether the answer agrees with the thinking part. The guide names these measures
// but does not define them; the definitions are this project's own.
#include <string>
#include <string_view>
#include <vector>

#include "rewards/options.h"

namespace r1::rewards {

/// Returns the non-empty lines of the thinking part that contain a relation sign, or begin with a
/// number, a bullet, 'Step', '단계' or a connective.
std::vector<std::string> reasoning_steps(std::string_view thinking, const QualityOptions& options);

/// Share of steps that reuse a value from an earlier step or from the problem; 0 without steps.
double logical_flow(const std::vector<std::string>& steps, std::string_view problem);

/// Whether one of the operators occurs. With `operators_between_operands` an operator counts only
/// between operands, so the hyphen of "well-known" does not count.
bool uses_operators(std::string_view text, const QualityOptions& options);

/// The consistency checks; a check that is impossible for a text is not `applicable`.
struct Facts {
  double tags_in_order = 0.0;
  bool answer_applicable = false;
  double answer_agrees = 0.0;
  bool equations_applicable = false;
  double equations_true = 0.0;
  double without_repetition = 0.0;

  /// Mean of the applicable checks.
  double mean() const;
};
/// All values are 0 for an empty completion.
Facts consistency_facts(std::string_view completion, const TagOptions& tags,
                        const QualityOptions& options);

}  // namespace r1::rewards
