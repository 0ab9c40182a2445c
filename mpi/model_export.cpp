#include "model_export.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "models/decoder_classifier.h"
#include "models/registry.h"
#include "models/weight_shards.h"
#include "parallel/transfer.h"
#include "training/trainer.h"

namespace r1::mpi {
namespace {

using checkpoint::SafetensorsShard;

/// The shards of all writers. Writers are ranks of the policy.
struct Writing {
  std::vector<SafetensorsShard> shards;
  std::vector<std::size_t> writers;  // by shard
  models::TensorList order;          // all tensors, in the order in which they travel
};

models::TensorList exported_tensors(const models::ModelShape& shape, const ExportOptions& options) {
  auto tensors = models::whole_tensors(shape, options.dtype);
  if (!options.reward_model) return models::TensorList(std::move(tensors));
  std::erase_if(tensors, [](const auto& tensor) { return tensor.name == "lm_head.weight"; });
  tensors.push_back({models::kScoreWeight, {1, shape.hidden_size}, options.dtype});
  return models::TensorList(std::move(tensors));
}

/// The value head of PPO, and a reward model's head over the vocabulary, are not exported.
std::vector<checkpoint::ShardedTensor> only_of(const models::TensorList& list,
                                               std::vector<checkpoint::ShardedTensor> tensors) {
  std::erase_if(tensors, [&](const auto& tensor) { return !list.has(tensor.name); });
  return tensors;
}

std::vector<SafetensorsShard> shards_of(const models::ModelShape& shape,
                                        const ExportOptions& options) {
  const auto list = exported_tensors(shape, options);
  return checkpoint::split_into_shards(models::safetensors_entries(list), options.shard_bytes);
}

/// Shard i of S: the writers are spread evenly over the ranks, and thereby over the nodes.
std::vector<std::size_t> spread(std::size_t num_shards, std::size_t num_ranks) {
  std::vector<std::size_t> writers;
  for (std::size_t shard = 0; shard < num_shards; ++shard)
    writers.push_back(num_shards < num_ranks ? shard * num_ranks / num_shards : shard % num_ranks);
  return writers;
}

/// Alternately one tensor of each of `at_a_time` shards, so that these shards grow together.
std::vector<models::WholeTensor> alternate(const std::vector<SafetensorsShard>& shards,
                                           const models::TensorList& list, std::size_t at_a_time) {
  std::vector<models::WholeTensor> order;
  for (std::size_t first = 0; first < shards.size(); first += at_a_time) {
    const auto last = std::min(shards.size(), first + at_a_time);
    for (std::size_t i = 0, added = 1; added > 0; ++i) {
      added = 0;
      for (auto shard = first; shard < last; ++shard)
        if (i < shards[shard].entries.size()) {
          order.push_back(list[list.index(shards[shard].entries[i].name)]);
          ++added;
        }
    }
  }
  return order;
}

Writing plan_writing(const models::ModelShape& shape, const ExportOptions& options,
                     std::size_t num_ranks) {
  auto shards = shards_of(shape, options);
  const auto list = exported_tensors(shape, options);
  models::TensorList order(alternate(shards, list, num_ranks));
  auto writers = spread(shards.size(), num_ranks);
  return {std::move(shards), std::move(writers), std::move(order)};
}

/// Each writer needs the tensors of its shards whole.
parallel::Holdings writers_needs(const Writing& writing, std::size_t num_ranks) {
  parallel::Holdings needs;
  needs.lists.resize(num_ranks);
  for (std::size_t rank = 0; rank < num_ranks; ++rank) needs.list_of_rank.push_back(rank);
  for (std::size_t shard = 0; shard < writing.shards.size(); ++shard)
    for (const auto& entry : writing.shards[shard].entries)
      needs.lists[writing.writers[shard]].push_back(
          {writing.order.index(entry.name),
           {std::vector<std::int64_t>(entry.shape.size(), 0), entry.shape}});
  return needs;
}

/// The master weights that every rank of the policy updates. Ranks that update the same weights
/// share a list.
parallel::Holdings masters(const RoleAssignment& policy, const training::Trainer& trainer,
                           const models::TensorList& order) {
  const models::RoleOutlines outlines(trainer.model().shape(), trainer.model().dtype(), policy);
  parallel::Holdings holdings;
  std::map<std::size_t, std::size_t> list_of_place;
  for (int rank = 0; rank < policy.mesh.size(); ++rank) {
    const auto place = outlines.place(rank);
    const auto copy = models::copy_place(policy, rank);
    auto boxes =
        models::HeldBoxes(order, only_of(order, trainer.master_tensors_of(outlines.outline(place),
                                                                          copy.all, copy.experts)))
            .boxes();
    const auto known = list_of_place.find(place);
    if (known != list_of_place.end() && holdings.lists[known->second] == boxes) {
      holdings.list_of_rank.push_back(known->second);
      continue;
    }
    list_of_place.emplace(place, holdings.lists.size());
    holdings.list_of_rank.push_back(holdings.lists.size());
    holdings.lists.push_back(std::move(boxes));
  }
  return holdings;
}

std::vector<int> nodes_of(const RoleAssignment& policy, const std::vector<int>& node_of_rank) {
  std::vector<int> nodes;
  for (std::size_t i = 0; i < policy.ranks.size() && !node_of_rank.empty(); ++i)
    nodes.push_back(node_of_rank[static_cast<std::size_t>(policy.ranks[i])]);
  return nodes;
}

}  // namespace

ExportMemory export_shards(RoleGroups& groups, const training::Trainer& trainer,
                           const std::string& folder, const ExportOptions& options) {
  const auto& policy = groups.layout().role(kPolicy);
  auto& ranks = groups.role(kPolicy);
  const auto writing =
      plan_writing(trainer.model().shape(), options, static_cast<std::size_t>(ranks.size()));
  const auto plan = parallel::plan_transfer(
      writing.order.dtypes(), masters(policy, trainer, writing.order),
      writers_needs(writing, policy.ranks.size()),
      {options.bucket_bytes, nodes_of(policy, groups.layout().node_of_rank())}, ranks.rank());
  std::vector<SafetensorsShard> mine;
  for (std::size_t shard = 0; shard < writing.shards.size(); ++shard)
    if (writing.writers[shard] == static_cast<std::size_t>(ranks.rank()))
      mine.push_back(writing.shards[shard]);
  models::ShardStream stream(folder, std::move(mine), writing.order);
  const models::HeldBoxes held(writing.order, only_of(writing.order, trainer.master_tensors()));
  ExportMemory memory;
  memory.messages = parallel::transfer(
      plan, writing.order.dtypes(), ranks,
      {groups.device(), [&](const parallel::TensorBox& box) { return held.view(box); },
       [&](const parallel::TensorBox& box, const at::Tensor& values) { stream.put(box, values); }},
      "weights to files");
  memory.tensors = stream.most_bytes();
  stream.finish();
  return memory;
}

void write_export_index(const models::ModelShape& shape, const std::string& folder,
                        const ExportOptions& options) {
  checkpoint::write_safetensors_index(folder, shards_of(shape, options));
}

}  // namespace r1::mpi
