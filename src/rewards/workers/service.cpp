#include "rewards/workers/service.h"

#include "rewards/part_scorer.h"
#include "rewards/tools/messages.h"
#include "rewards/tools/tool.h"
#include "rewards/workers/wire.h"

namespace r1::rewards::workers {
namespace {

class Rewards final : public Service {
 public:
  explicit Rewards(const RewardOptions& options) : scorer_(options) {}
  std::string answer(const std::string& body) const override {
    return pack(scorer_.score(unpack_input(body)));
  }
  std::string out_of_memory() const override {
    data::Reward reward;
    reward.reason = "limit";
    return pack(reward);
  }
  std::string description() const override { return scorer_.description(); }
  std::string warnings() const override { return scorer_.warnings(); }

 private:
  PartScorer scorer_;
};

class Tools final : public Service {
 public:
  explicit Tools(const tools::ToolOptions& options) : tool_(tools::make_tool(options)) {}
  std::string answer(const std::string& body) const override {
    return tools::pack(tool_->answer(tools::unpack_call(body)));
  }
  std::string out_of_memory() const override { return tools::pack(tools::failed("limit")); }
  std::string description() const override { return tool_->description(); }
  std::string warnings() const override { return tool_->warning(); }

 private:
  std::unique_ptr<tools::Tool> tool_;
};

}  // namespace

std::unique_ptr<Service> make_service(const Configuration& configuration) {
  switch (configuration.service) {
    case ServiceKind::Rewards:
      return std::make_unique<Rewards>(unpack_options(configuration.options));
    case ServiceKind::Tools:
      return std::make_unique<Tools>(tools::unpack_options(configuration.options));
  }
  throw WireError("a configuration of no known service");
}

}  // namespace r1::rewards::workers
