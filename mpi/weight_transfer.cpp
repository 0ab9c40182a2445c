#include "weight_transfer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "models/sharded_parameter.h"
#include "models/split_model.h"

namespace r1::mpi {
namespace {

constexpr const char* kTransferLabel = "weights to another layout";

/// The world ranks of both roles, ascending.
std::vector<int> ranks_of_both(const RoleAssignment& a, const RoleAssignment& b) {
  auto ranks = a.ranks;
  ranks.insert(ranks.end(), b.ranks.begin(), b.ranks.end());
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

}  // namespace

WeightTransfer::WeightTransfer(RoleGroups& groups, const std::string& from, const std::string& to,
                               std::int64_t bucket_bytes, SharedOut shared_out)
    : groups_(groups),
      from_{groups.layout().role(from), shared_out.from},
      to_{groups.layout().role(to), shared_out.to},
      bucket_bytes_(bucket_bytes) {
  const auto &source = from_.role, &target = to_.role;
  const int me = groups.world().rank();
  members_ =
      models::hold_the_same_parts(from_, to_) ? std::vector{me} : ranks_of_both(source, target);
  const auto& senders = source.ranks;
  for (std::size_t i = 0; i < target.ranks.size(); ++i) {
    const int receiver = target.ranks[i];
    if (std::find(senders.begin(), senders.end(), receiver) != senders.end()) continue;
    const int sender = senders[i % senders.size()];
    if (receiver == me) sender_ = sender;
    if (sender == me) told_.push_back(receiver);
  }
}

std::int64_t WeightTransfer::tell(std::int64_t value) {
  auto& world = groups_.world();
  auto number = at::full({1}, value, at::kLong);
  if (sender_ >= 0) world.receive(number, sender_, "version of the weights").wait();
  for (const int rank : told_) world.send(number, rank, "version of the weights").wait();
  return number.item<std::int64_t>();
}

void WeightTransfer::make_plan(const models::Model& model) {
  const auto& layout = groups_.layout();
  tensors_.emplace(models::whole_tensors(model.shape(), model.dtype()));
  const auto holdings = [&](const models::Holders& holders, models::TransferSide side) {
    return models::role_holdings(*tensors_, model.shape(), model.dtype(), holders, side, members_);
  };
  parallel::TransferOptions options{bucket_bytes_, {}};
  for (std::size_t i = 0; i < members_.size() && !layout.node_of_rank().empty(); ++i)
    options.node_of_rank.push_back(layout.node_of_rank()[static_cast<std::size_t>(members_[i])]);
  const auto me = std::find(members_.begin(), members_.end(), groups_.world().rank());
  plan_ = parallel::plan_transfer(tensors_->dtypes(), holdings(from_, models::TransferSide::Sender),
                                  holdings(to_, models::TransferSide::Receiver), options,
                                  static_cast<int>(me - members_.begin()));
  if (members_.size() > 1)
    own_ranks_ = groups_.connect(from_.role.name + " to " + to_.role.name, members_);
}

void WeightTransfer::copy(const models::Model* source, models::Model* target) {
  if (source == nullptr && target == nullptr) return;
  if (!tensors_) make_plan(source != nullptr ? *source : *target);
  using Tensors = std::vector<checkpoint::ShardedTensor>;
  const models::HeldBoxes from(*tensors_,
                               source != nullptr ? models::model_tensors(*source) : Tensors()),
      to(*tensors_, target != nullptr ? models::model_tensors(*target) : Tensors());
  const parallel::TransferEnds ends{groups_.device(),
                                    [&](const parallel::TensorBox& box) { return from.view(box); },
                                    [&](const parallel::TensorBox& box, const at::Tensor& values) {
                                      to.view(box).copy_(values);
                                    }};
  message_bytes_ =
      parallel::transfer(plan_, tensors_->dtypes(), own_ranks_ ? *own_ranks_ : parallel::alone(),
                         ends, kTransferLabel);
}

}  // namespace r1::mpi
