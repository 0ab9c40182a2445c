// A trace of the CPU: it names the operations between its begin and its end, and no others.
#include "tensor/profile.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/errors.h"

namespace r1::tensor {
namespace {

namespace fs = std::filesystem;

class ProfileFile : public ::testing::Test {
 protected:
  ProfileFile()
      : path_(fs::path(testing::TempDir()) / fmt::format("profile_{}.json", ::getpid())) {}
  ~ProfileFile() override { fs::remove(path_); }

  std::set<std::string> names() const {
    std::ifstream file(path_);
    std::set<std::string> names;
    const auto trace = nlohmann::json::parse(file);
    for (const auto& event : trace.at("traceEvents")) names.insert(event.value("name", ""));
    return names;
  }

  fs::path path_;
};

TEST_F(ProfileFile, NamesTheOperationsOfItsTime) {
  const auto x = at::ones({8, 8}, at::kDouble);
  at::tanh(x);
  {
    Profile profile(at::kCPU);
    at::mm(x, x).requires_grad_(true).sigmoid().sum().backward();
    profile.write(path_);
  }
  at::log(x);

  const auto found = names();

  EXPECT_TRUE(found.contains("aten::mm"));
  EXPECT_TRUE(found.contains("aten::sigmoid_backward")) << "of autograd's own operations";
  EXPECT_FALSE(found.contains("aten::tanh")) << "ran before";
  EXPECT_FALSE(found.contains("aten::log")) << "ran afterwards";
}

TEST_F(ProfileFile, ATraceThatWasDroppedLeavesRoomForTheNext) {
  { const Profile dropped(at::kCPU); }
  Profile profile(at::kCPU);
  at::erf(at::ones({4}, at::kDouble));
  profile.write(path_);

  EXPECT_TRUE(names().contains("aten::erf"));
}

TEST_F(ProfileFile, AFolderThatIsNotThereIsNamed) {
  Profile profile(at::kCPU);

  EXPECT_THROW(profile.write("/nowhere/profile.json"), base::ConfigError);
}

}  // namespace
}  // namespace r1::tensor
