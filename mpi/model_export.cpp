#include "model_export.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "models/decoder_classifier.h"
#include "models/peft_folder.h"
#include "models/registry.h"
#include "models/sharded_parameter.h"
#include "models/weight_shards.h"
#include "parallel/transfer.h"
#include "training/merged_weights.h"

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
  if (options.what == ExportOptions::What::Adapters)
    return models::TensorList(models::whole_trained_tensors(shape, options.dtype));
  auto tensors = models::whole_tensors(shape, options.dtype);
  if (options.what == ExportOptions::What::LanguageModel)
    return models::TensorList(std::move(tensors));
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
  const auto entries = models::safetensors_entries(exported_tensors(shape, options));
  if (options.what == ExportOptions::What::Adapters) return {{models::kPeftWeightsFile, entries}};
  return checkpoint::split_into_shards(entries, options.shard_bytes);
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

void add(std::vector<checkpoint::ShardedTensor>& tensors,
         std::vector<checkpoint::ShardedTensor> more) {
  std::move(more.begin(), more.end(), std::back_inserter(tensors));
}

/// The master weights that every rank of the policy updates, and the parameters of the base of a
/// model with adapters, all of which a rank has. Ranks that update the same weights share a list.
parallel::Holdings masters(const RoleAssignment& policy, const training::Trainer& trainer,
                           const models::TensorList& order) {
  const models::RoleOutlines outlines(trainer.model().shape(), trainer.model().dtype(), policy);
  parallel::Holdings holdings;
  std::map<std::size_t, std::size_t> list_of_place;
  for (int rank = 0; rank < policy.mesh.size(); ++rank) {
    const auto place = outlines.place(rank);
    const auto copy = models::copy_place(policy, rank);
    const auto& outline = outlines.outline(place);
    auto tensors = trainer.master_tensors_of(outline, copy.all, copy.experts);
    if (!outline.adapters().empty()) add(tensors, models::model_tensors(outline));
    auto boxes = models::HeldBoxes(order, only_of(order, std::move(tensors))).boxes();
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

/// The memory of the boxes that this rank holds of the exported tensors. Of a model with adapters,
/// one merged parameter at a time is in memory.
class MasterBoxes {
 public:
  /// Collective over: copies.
  MasterBoxes(const models::TensorList& list, const training::Trainer& trainer)
      : list_(list),
        trainer_(trainer),
        weights_(trainer),
        trained_(list, only_of(list, trainer.master_tensors())) {
    const auto& model = trainer.model();
    for (std::size_t i = 0; !model.adapters().empty() && i < model.parameters().size(); ++i)
      for (const auto& slice : model.parameters()[i].slices)
        if (list.has(slice.name)) parameter_of_[list.index(slice.name)] = i;
  }

  at::Tensor view(const parallel::TensorBox& box) {
    const auto found = parameter_of_.find(box.tensor);
    if (found == parameter_of_.end()) return trained_.view(box);
    if (merged_ != found->second) merge(found->second);
    return of_merged_->view(box);
  }

 private:
  void merge(std::size_t index) {
    auto parameter = trainer_.model().parameters()[index];
    parameter.value = weights_.master(index);
    std::vector<checkpoint::ShardedTensor> tensors;
    for (const auto& slice : parameter.slices)
      tensors.push_back(models::sharded_tensor(parameter, slice));
    of_merged_.emplace(list_, only_of(list_, std::move(tensors)));
    merged_ = index;
  }

  const models::TensorList& list_;
  const training::Trainer& trainer_;
  training::MergedWeights weights_;
  models::HeldBoxes trained_;
  std::map<std::size_t, std::size_t> parameter_of_;  // by tensor; of a base
  std::optional<std::size_t> merged_;
  std::optional<models::HeldBoxes> of_merged_;
};

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
  MasterBoxes held(writing.order, trainer);
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
