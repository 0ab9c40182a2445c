// The nearest known name: near enough to be meant, or none.
#include "config/suggestion.h"

#include <gtest/gtest.h>

namespace r1::config {
namespace {

TEST(Suggestion, EditDistanceCountsSwapsOnce) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("step", "stpe"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Suggestion, OnlyNearNamesAreSuggested) {
  const std::vector<std::string> known{"temperature", "top_p", "top_k"};
  EXPECT_EQ(nearest_name("temprature", known), "temperature");
  EXPECT_EQ(nearest_name("top-k", known), "top_k");
  EXPECT_EQ(nearest_name("learning_rate", known), "");
}

}  // namespace
}  // namespace r1::config
