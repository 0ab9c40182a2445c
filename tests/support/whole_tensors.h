#pragma once
// The whole trained tensors of a model of which every rank holds a part.
#include <ATen/ATen.h>

#include <map>
#include <string>
#include <vector>

#include "models/model_boxes.h"
#include "models/sharded_parameter.h"
#include "parallel/transfer.h"

namespace r1::test {

/// `values`: the trained parameters of `model`, or other values in their place. All ranks of the
/// experts axis of `model` are split alike (all_over). Collective over: the experts axis.
inline std::map<std::string, at::Tensor> whole_on_every_rank(
    const models::Model& model, const std::vector<models::Parameter>& values) {
  auto& ranks = model.axes()[parallel::ModelAxis::Experts];
  const models::TensorList list(models::whole_trained_tensors(model.shape(), model.dtype()));
  std::vector<int> members;
  for (int rank = 0; rank < ranks.size(); ++rank) members.push_back(rank);
  const parallel::RoleAssignment split{"policy", members, parallel::Mesh({{"tp", ranks.size()}})},
      whole{"whole", members, parallel::Mesh({{"dp", ranks.size()}})};
  const auto holdings = [&](const parallel::RoleAssignment& role, models::TransferSide side) {
    return models::role_holdings(list, model.shape(), model.dtype(), {role}, side, members);
  };
  const auto plan =
      parallel::plan_transfer(list.dtypes(), holdings(split, models::TransferSide::Sender),
                              holdings(whole, models::TransferSide::Receiver), {}, ranks.rank());
  std::vector<checkpoint::ShardedTensor> tensors;
  for (const auto& parameter : values)
    for (const auto& slice : parameter.slices)
      tensors.push_back(models::sharded_tensor(parameter, slice));
  const models::HeldBoxes held(list, tensors);
  std::map<std::string, at::Tensor> found;
  for (std::size_t i = 0; i < list.size(); ++i)
    found[list[i].name] = at::empty(list[i].shape, list[i].dtype);
  parallel::transfer(plan, list.dtypes(), ranks,
                     {at::kCPU, [&](const parallel::TensorBox& box) { return held.view(box); },
                      [&](const parallel::TensorBox& box, const at::Tensor& part) {
                        parallel::part_of_tensor(found[list[box.tensor].name], box.box.offset,
                                                 box.box.extent)
                            .copy_(part);
                      }},
                     "test");
  return found;
}

}  // namespace r1::test
