#include "generation/group_selection.h"

namespace r1::generation {
namespace {

/// Chooses the groups of one class. False: not enough of them are finished.
bool choose_class(std::span<const std::int64_t> finished, const GroupWindow& window,
                  std::int64_t number, std::vector<std::int64_t>& chosen) {
  std::int64_t places = 0;  // of the class: what a step trains on, and what a batch brings
  for (auto place = number; place < window.batch_size; place += window.num_classes) ++places;
  std::int64_t num_chosen = 0, num_left = 0;
  for (std::int64_t batch = 0; batch < window.num_batches; ++batch) {
    for (auto place = number; place < window.batch_size; place += window.num_classes) {
      const auto group = batch * window.batch_size + place;
      const auto count = finished[static_cast<std::size_t>(group)];
      if (count < 0) continue;
      if (count < window.samples || num_chosen == places) {
        ++num_left;
        continue;
      }
      chosen[static_cast<std::size_t>(number + num_chosen++ * window.num_classes)] = group;
    }
    // What is left of the batches so far is due within `batch` more steps.
    if (num_left > places * batch) return false;
  }
  return num_chosen == places;
}

}  // namespace

std::vector<std::int64_t> choose_groups(std::span<const std::int64_t> finished,
                                        const GroupWindow& window) {
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(window.batch_size), -1);
  for (std::int64_t number = 0; number < window.num_classes; ++number)
    if (!choose_class(finished, window, number, chosen)) return {};
  return chosen;
}

}  // namespace r1::generation
