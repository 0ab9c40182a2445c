#pragma once
// Axes of a model that test ranks hold together.
#include "parallel/model_axes.h"

namespace r1::test {

/// Every axis that splits weights has these ranks.
inline parallel::ModelAxes all_over(parallel::Communicator& ranks) {
  parallel::ModelAxes axes;
  for (const auto& axis : parallel::kModelAxes)
    if (axis.splits_weights) axes.set(axis.axis, ranks);
  return axes;
}

}  // namespace r1::test
