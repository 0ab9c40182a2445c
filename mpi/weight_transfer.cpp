#include "weight_transfer.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "models/split_model.h"

namespace r1::mpi {
namespace {

constexpr const char* kTransferLabel = "weights to another layout";

bool hold_the_same_parts(const RoleAssignment& a, const RoleAssignment& b) {
  const auto& axes = parallel::kModelAxes;
  return a.ranks == b.ranks && std::all_of(axes.begin(), axes.end(), [&](const auto& axis) {
           return !axis.splits_weights ||
                  a.mesh.group(0, axis.mesh_axes) == b.mesh.group(0, axis.mesh_axes);
         });
}

double copy_parameters(const models::Model& source, models::Model& target) {
  double bytes = 0.0;
  for (std::size_t i = 0; i < target.parameters().size(); ++i)
    target.parameters()[i].value.copy_(source.parameters()[i].value);
  for (const auto& [name, shape, dtype] : models::whole_tensors(target.shape(), target.dtype()))
    bytes += static_cast<double>(c10::multiply_integers(shape) *
                                 static_cast<std::int64_t>(c10::elementSize(dtype)));
  return bytes;
}

}  // namespace

WeightTransfer::WeightTransfer(RoleGroups& groups, const std::string& from, const std::string& to)
    : world_(groups.world()),
      same_layout_(hold_the_same_parts(groups.layout().role(from), groups.layout().role(to))) {
  const auto& senders = groups.layout().role(from).ranks;
  const auto& receivers = groups.layout().role(to).ranks;
  const int me = world_.rank();
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    if (std::find(senders.begin(), senders.end(), receivers[i]) != senders.end()) continue;
    const int sender = senders[i % senders.size()];
    if (receivers[i] == me) sender_ = sender;
    if (sender == me) targets_.push_back(receivers[i]);
  }
}

std::int64_t WeightTransfer::tell(std::int64_t value) {
  auto number = at::full({1}, value, at::kLong);
  if (sender_ >= 0) world_.receive(number, sender_, "version of the weights").wait();
  for (const int target : targets_) world_.send(number, target, "version of the weights").wait();
  return number.item<std::int64_t>();
}

double WeightTransfer::copy(const models::Model* source, models::Model* target) {
  const at::NoGradGuard no_grad;
  if (same_layout_) return source != nullptr ? copy_parameters(*source, *target) : 0.0;
  models::WholeTensors parts(target != nullptr ? target->parameters()
                                               : std::vector<models::Parameter>());
  double bytes = 0.0;
  const auto take = [&](const std::string& name, const at::Tensor& whole) {
    for (const int receiver : targets_)
      world_.send(whole.contiguous(), receiver, kTransferLabel).wait();
    parts.fill(name, whole);
    bytes += static_cast<double>(whole.nbytes());
  };
  if (source != nullptr) {
    models::for_each_whole_tensor(source->parameters(), source->shape(), source->axes(), take);
  } else if (target != nullptr) {
    for (const auto& [name, shape, dtype] :
         models::whole_tensors(target->shape(), target->dtype())) {
      auto whole = at::empty(shape, at::TensorOptions(target->device()).dtype(dtype));
      world_.receive(whole, sender_, kTransferLabel).wait();
      take(name, whole);
    }
  }
  return bytes;
}

}  // namespace r1::mpi
