#include "models/model_boxes.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>

#include "base/errors.h"
#include "models/registry.h"
#include "models/sharded_parameter.h"
#include "models/weight_shards.h"

namespace r1::models {
namespace {

/// The index of `value` in `values`, or nothing.
std::optional<std::size_t> position(const std::vector<int>& values, int value) {
  const auto found = std::find(values.begin(), values.end(), value);
  if (found == values.end()) return std::nullopt;
  return static_cast<std::size_t>(found - values.begin());
}

/// The different lists of boxes that ranks of a role hold, and the list of each rank.
struct RoleBoxes {
  std::vector<std::vector<parallel::TensorBox>> lists;
  std::vector<std::size_t> list_of_rank;
};

RoleBoxes boxes_of(const Holders& holders, bool first_copies, const TensorList& list,
                   const ModelShape& shape, at::ScalarType dtype) {
  const auto& role = holders.role;
  const RoleOutlines outlines(shape, dtype, role);
  RoleBoxes boxes;
  if (!holders.share_out) {
    for (std::size_t place = 0; place < outlines.num_places(); ++place)
      boxes.lists.push_back(HeldBoxes(list, model_tensors(outlines.outline(place))).boxes());
    for (int rank = 0; rank < role.mesh.size(); ++rank)
      boxes.list_of_rank.push_back(outlines.place(rank));
    return boxes;
  }
  for (int rank = 0; rank < role.mesh.size(); ++rank) {
    auto parameters = outlines.outline(outlines.place(rank)).parameters();
    for (auto& parameter : parameters)
      if (first_copies) std::erase_if(parameter.slices, [](const auto& s) { return s.copy > 0; });
    const auto tensors = tensors_of(shards_of(parameters, copy_place(role, rank)), parameters);
    boxes.list_of_rank.push_back(boxes.lists.size());
    boxes.lists.push_back(HeldBoxes(list, tensors).boxes());
  }
  return boxes;
}

/// Elements of `box`, in bytes, that lie in boxes of the same tensor. `held` is ordered by tensor.
double bytes_in_common(const parallel::TensorBox& box, const std::vector<parallel::TensorBox>& held,
                       double element_bytes) {
  double bytes = 0.0;
  const auto first = std::lower_bound(
      held.begin(), held.end(), box.tensor,
      [](const parallel::TensorBox& other, std::size_t tensor) { return other.tensor < tensor; });
  for (auto other = first; other != held.end() && other->tensor == box.tensor; ++other)
    if (const auto common = parallel::intersect(box.box, other->box))
      bytes += element_bytes * static_cast<double>(parallel::volume(common->extent));
  return bytes;
}

}  // namespace

TensorList::TensorList(std::vector<WholeTensor> tensors) : tensors_(std::move(tensors)) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    dtypes_.push_back(tensors_[i].dtype);
    index_[tensors_[i].name] = i;
  }
}

std::size_t TensorList::index(const std::string& name) const {
  const auto found = index_.find(name);
  if (found == index_.end())
    throw base::InternalError(fmt::format("tensor '{}' is not one of the model", name));
  return found->second;
}

HeldBoxes::HeldBoxes(const TensorList& list, const std::vector<checkpoint::ShardedTensor>& tensors)
    : list_(list) {
  for (const auto& tensor : tensors) {
    auto& boxes = held_[list.index(tensor.name)];
    boxes.insert(boxes.end(), tensor.boxes.begin(), tensor.boxes.end());
  }
}

std::vector<parallel::TensorBox> HeldBoxes::boxes() const {
  std::vector<parallel::TensorBox> boxes;
  for (const auto& [tensor, held] : held_)
    for (const auto& local : held) boxes.push_back({tensor, local.box});
  return boxes;
}

at::Tensor HeldBoxes::view(const parallel::TensorBox& box) const {
  if (const auto found = held_.find(box.tensor); found != held_.end())
    for (const auto& local : found->second)
      if (parallel::intersect(box.box, local.box) == box.box)
        return parallel::part_of_tensor(local.view, parallel::relative_offset(box.box, local.box),
                                        box.box.extent);
  throw base::InternalError(fmt::format("this rank does not hold {} of tensor '{}'",
                                        parallel::to_string(box.box), list_[box.tensor].name));
}

RoleOutlines::RoleOutlines(const ModelShape& shape, at::ScalarType dtype,
                           const parallel::RoleAssignment& role) {
  std::map<std::vector<int>, std::size_t> places;  // by the ranks on the axes of the model
  for (int rank = 0; rank < role.mesh.size(); ++rank) {
    std::vector<int> on_axes, sizes;
    for (const auto& axis : parallel::kModelAxes) {
      const auto group = role.mesh.group(rank, axis.mesh_axes);
      on_axes.push_back(static_cast<int>(*position(group, rank)));
      sizes.push_back(static_cast<int>(group.size()));
    }
    const auto [place, is_new] = places.emplace(on_axes, outlines_.size());
    place_of_rank_.push_back(place->second);
    if (!is_new) continue;
    parallel::ModelAxes axes;
    for (std::size_t i = 0; i < on_axes.size(); ++i) {
      communicators_.push_back(std::make_unique<parallel::PlaceCommunicator>(on_axes[i], sizes[i]));
      axes.set(parallel::kModelAxes[i].axis, *communicators_.back());
    }
    outlines_.push_back(make_model(shape, dtype, at::kMeta, axes));
  }
}

parallel::Holdings role_holdings(const TensorList& list, const ModelShape& shape,
                                 at::ScalarType dtype, const Holders& holders, TransferSide side,
                                 const std::vector<int>& members) {
  const bool first_copies = side == TransferSide::Sender && members.size() > 1;
  auto boxes = boxes_of(holders, first_copies, list, shape, dtype);
  parallel::Holdings holdings{std::move(boxes.lists), {}};
  for (const int world_rank : members) {
    const auto rank = position(holders.role.ranks, world_rank);
    holdings.list_of_rank.push_back(rank ? boxes.list_of_rank[*rank]
                                         : parallel::Holdings::kNothing);
  }
  return holdings;
}

bool hold_the_same_parts(const Holders& a, const Holders& b) {
  return a.share_out == b.share_out && parallel::hold_the_same_parts(a.role, b.role);
}

std::vector<double> bytes_received(const ModelShape& shape, at::ScalarType dtype,
                                   const Holders& from, const Holders& to) {
  if (hold_the_same_parts(from, to)) return std::vector<double>(to.role.ranks.size(), 0.0);
  const TensorList list(whole_tensors(shape, dtype));
  const auto held = boxes_of(from, /*first_copies=*/true, list, shape, dtype),
             wanted = boxes_of(to, /*first_copies=*/false, list, shape, dtype);
  const std::vector<parallel::TensorBox> nothing;
  std::map<std::pair<std::size_t, std::optional<std::size_t>>, double> known;  // by lists
  std::vector<double> bytes;
  for (std::size_t rank = 0; rank < to.role.ranks.size(); ++rank) {
    const auto place = wanted.list_of_rank[rank];
    const auto sender = position(from.role.ranks, to.role.ranks[rank]);
    const auto own = sender ? std::optional(held.list_of_rank[*sender]) : std::nullopt;
    const auto [entry, is_new] = known.emplace(std::pair(place, own), 0.0);
    for (std::size_t i = 0; is_new && i < wanted.lists[place].size(); ++i) {
      const auto& box = wanted.lists[place][i];
      const auto element = static_cast<double>(c10::elementSize(list[box.tensor].dtype));
      entry->second += element * static_cast<double>(parallel::volume(box.box.extent)) -
                       bytes_in_common(box, own ? held.lists[*own] : nothing, element);
    }
    bytes.push_back(entry->second);
  }
  return bytes;
}

double most_bytes_received(const ModelShape& shape, at::ScalarType dtype, const Holders& from,
                           const Holders& to) {
  const std::int64_t dense = shape.dense_layers(), sparse = shape.num_hidden_layers - dense;
  const auto with = [&](std::int64_t num_dense, std::int64_t num_sparse) {
    auto small = shape;
    small.num_hidden_layers = num_dense + num_sparse;
    small.experts.num_dense_layers = num_dense;
    return bytes_received(small, dtype, from, to);
  };
  const auto one_dense = std::min<std::int64_t>(dense, 1),
             one_sparse = std::min<std::int64_t>(sparse, 1);
  const auto base = with(one_dense, one_sparse);
  const auto two_dense = dense > 1 ? with(2, one_sparse) : base,
             two_sparse = sparse > 1 ? with(one_dense, 2) : base;
  double most = 0.0;
  for (std::size_t rank = 0; rank < base.size(); ++rank)
    most = std::max(
        most, base[rank] + static_cast<double>(dense - one_dense) * (two_dense[rank] - base[rank]) +
                  static_cast<double>(sparse - one_sparse) * (two_sparse[rank] - base[rank]));
  return most;
}

}  // namespace r1::models
