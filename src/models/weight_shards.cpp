#include "models/weight_shards.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/errors.h"

namespace r1::models {
namespace {

constexpr const char* kLabel = "weights of a unit";

std::vector<at::Tensor> values_of(std::span<const Parameter> parameters,
                                  const std::vector<std::size_t>& numbers) {
  std::vector<at::Tensor> values;
  for (const auto i : numbers) values.push_back(parameters[i].value);
  return values;
}

std::vector<std::int64_t> units_of(std::span<const Parameter> parameters,
                                   const std::vector<std::size_t>& numbers) {
  std::vector<std::int64_t> units;
  for (const auto i : numbers) units.push_back(parameters[i].unit);
  return units;
}

parallel::FlatPartition partition_of(std::span<const Parameter> parameters,
                                     const std::vector<std::size_t>& numbers, int num_owners,
                                     int owner) {
  return {values_of(parameters, numbers), units_of(parameters, numbers), num_owners, owner};
}

at::Tensor flat(const at::Tensor& value) {
  return value.detach().view(-1);
}

FlatRange whole_range(std::span<const Parameter> parameters, std::size_t i) {
  return {i, 0, flat(parameters[i].value)};
}

void sort_by_parameter(std::vector<FlatRange>& ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const auto& a, const auto& b) { return a.parameter < b.parameter; });
}

/// The parameters of a group whose weights are shared out, and the others.
struct Shared {
  std::vector<std::size_t> inside, outside;
};
Shared inside_units(std::span<const Parameter> parameters, const std::vector<std::size_t>& numbers,
                    int num_owners) {
  Shared shared;
  for (const auto i : numbers)
    (num_owners > 1 && parameters[i].unit != parallel::kNoUnit ? shared.inside : shared.outside)
        .push_back(i);
  return shared;
}

/// Points a parameter at memory inside `whole`, which lives as long as the parameter points at it.
void point_at(const at::Tensor& parameter, const at::Tensor& whole, std::int64_t offset) {
  const auto part = whole.narrow(0, offset, parameter.numel());
  auto* const memory = part.mutable_data_ptr();
  parameter.storage().unsafeGetStorageImpl()->set_data_ptr_noswap(
      {memory, new at::Tensor(whole), [](void* kept) { delete static_cast<at::Tensor*>(kept); },
       parameter.device()});
}

bool has_memory(const at::Tensor& parameter) {
  return parameter.numel() == 0 || parameter.const_data_ptr() != nullptr;
}

/// A parameter outside units of a model that was made without memory.
void give_memory(const at::Tensor& parameter) {
  if (!has_memory(parameter))
    point_at(parameter, at::empty({parameter.numel()}, parameter.options().requires_grad(false)),
             0);
}

thread_local bool makes_without_memory = false;

}  // namespace

void free_memory(const at::Tensor& parameter) {
  parameter.storage().unsafeGetStorageImpl()->set_data_ptr_noswap({nullptr, parameter.device()});
}

ModelsWithoutMemory::ModelsWithoutMemory() {
  makes_without_memory = true;
}

ModelsWithoutMemory::~ModelsWithoutMemory() {
  makes_without_memory = false;
}

bool ModelsWithoutMemory::active() {
  return makes_without_memory;
}

std::vector<FlatRange> held_ranges(const Model& model) {
  if (const auto* const shards = model.weight_shards()) return shards->ranges();
  std::vector<FlatRange> ranges;
  for (std::size_t i = 0; i < model.parameters().size(); ++i)
    ranges.push_back(whole_range(model.parameters(), i));
  return ranges;
}

AllWeights::AllWeights(const Model& model) : shards_(model.weight_shards()) {
  if (shards_ != nullptr) shards_->hold_all();
}

AllWeights::~AllWeights() {
  if (shards_ != nullptr) shards_->release_all();
}

std::vector<CopiedParameters> group_by_copies(std::span<const Parameter> parameters,
                                              bool shares_experts) {
  std::vector<CopiedParameters> groups{{false, {}}};
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::size_t group = shares_experts && parameters[i].expert ? 1 : 0;
    if (group == groups.size()) groups.push_back({true, {}});
    groups[group].parameters.push_back(i);
  }
  // Buckets are launched from the end, and those of parameters that no gradient reaches are never
  // ready: they must not keep others waiting.
  for (auto& group : groups)
    std::stable_partition(group.parameters.begin(), group.parameters.end(),
                          [&](std::size_t i) { return !parameters[i].trained; });
  return groups;
}

WeightShards::WeightShards(std::span<const Parameter> parameters, const WeightCopies& copies)
    : parameters_(parameters.begin(), parameters.end()),
      copies_(copies),
      is_shared_(parameters.size(), false) {
  const at::NoGradGuard no_grad;
  for (auto& group : group_by_copies(parameters_, copies.shares_experts()))
    add_group(group.experts ? *copies.experts : *copies.all, std::move(group.parameters));
  sort_by_parameter(ranges_);
}

WeightShards::~WeightShards() {
  for (auto& unit : units_)
    for (auto& piece : unit.pieces) piece.work.wait();
}

void WeightShards::add_group(parallel::Communicator& ranks, std::vector<std::size_t> parameters) {
  auto [inside, outside] = inside_units(parameters_, parameters, ranks.size());
  for (const auto i : outside) {
    give_memory(parameters_[i].value);
    ranges_.push_back(whole_range(parameters_, i));
  }
  for (const auto i : inside) is_shared_[i] = true;
  if (inside.empty()) return;
  auto partition = partition_of(parameters_, inside, ranks.size(), ranks.rank());
  groups_.push_back(
      std::make_unique<Group>(Group{&ranks, std::move(inside), std::move(partition)}));
  const auto& group = *groups_.back();
  // Forward order: the first parameters are in the last buckets.
  const auto& buckets = group.partition.buckets();
  for (auto bucket = buckets.rbegin(); bucket != buckets.rend(); ++bucket) {
    const auto number = static_cast<std::size_t>(bucket->unit);
    if (number >= units_.size()) units_.resize(number + 1);
    auto& pieces = units_[number].pieces;
    pieces.push_back({&group, &*bucket, {}, {}, {}});
    keep_own_part(pieces.back());
  }
}

void WeightShards::keep_own_part(Piece& piece) {
  const auto& [ranks, numbers, partition] = *piece.group;
  const auto& bucket = *piece.bucket;
  const auto first = numbers[bucket.first_parameter];
  piece.shard = at::zeros({bucket.size / partition.num_owners()},
                          parameters_[first].value.options().requires_grad(false));
  for (const auto& range : partition.owned()) {
    if (range.parameter < bucket.first_parameter ||
        range.parameter >= bucket.first_parameter + bucket.num_parameters)
      continue;
    const auto parameter = numbers[range.parameter];
    const auto part = piece.shard.narrow(0, range.offset - bucket.owned_begin, range.size);
    if (const auto& value = parameters_[parameter].value; has_memory(value))
      part.copy_(flat(value).narrow(0, range.begin, range.size));
    ranges_.push_back({parameter, range.begin, part});
  }
  for (std::size_t i = 0; i < bucket.num_parameters; ++i) {
    const auto& value = parameters_[numbers[bucket.first_parameter + i]].value;
    R1_CHECK(value.is_contiguous() && value.storage_offset() == 0 &&
                 value.storage().nbytes() == value.nbytes(),
             "parameter {} shares its memory", numbers[bucket.first_parameter + i]);
    free_memory(value);
  }
}

void WeightShards::start(Unit& unit) {
  for (auto& piece : unit.pieces) {
    if (piece.whole.defined()) continue;
    auto& ranks = *piece.group->ranks;
    piece.whole = at::empty({piece.bucket->size}, piece.shard.options());
    piece.work = ranks.all_gather(piece.whole, piece.shard, kLabel);
    bytes_received_ += static_cast<std::int64_t>(piece.whole.nbytes() - piece.shard.nbytes());
  }
}

void WeightShards::bind(Unit& unit) {
  for (auto& piece : unit.pieces) {
    piece.work.wait();
    const auto& [ranks, numbers, partition] = *piece.group;
    for (std::size_t i = 0; i < piece.bucket->num_parameters; ++i) {
      const auto parameter = piece.bucket->first_parameter + i;
      point_at(parameters_[numbers[parameter]].value, piece.whole,
               partition.offset_in_bucket(parameter));
    }
  }
  unit.bound = true;
}

void WeightShards::free(Unit& unit) {
  for (auto& piece : unit.pieces) {
    piece.work.wait();
    for (std::size_t i = 0; unit.bound && i < piece.bucket->num_parameters; ++i)
      free_memory(parameters_[piece.group->parameters[piece.bucket->first_parameter + i]].value);
    piece.whole.reset();
  }
  unit.bound = false;
}

void WeightShards::need(std::int64_t number, std::initializer_list<std::int64_t> next) {
  if (holds_all_) return;
  const at::NoGradGuard no_grad;
  auto& unit = units_.at(static_cast<std::size_t>(number));
  start(unit);
  if (!unit.bound) bind(unit);
  for (const auto later : next) start(units_.at(static_cast<std::size_t>(later)));
}

void WeightShards::release(std::int64_t unit) {
  if (!holds_all_) free(units_.at(static_cast<std::size_t>(unit)));
}

void WeightShards::release_all() {
  holds_all_ = false;
  for (auto& unit : units_) free(unit);
}

void WeightShards::hold_all() {
  const at::NoGradGuard no_grad;
  for (auto& unit : units_) start(unit);
  for (auto& unit : units_)
    if (!unit.bound) bind(unit);
  holds_all_ = true;
}

void WeightShards::end_backward(std::int64_t unit) {
  release(unit);
  if (listener_) listener_(unit);
}

at::Tensor WeightShards::kept(std::size_t parameter, std::int64_t begin, std::int64_t size) const {
  const auto found =
      std::lower_bound(ranges_.begin(), ranges_.end(), parameter,
                       [](const auto& range, std::size_t i) { return range.parameter < i; });
  R1_CHECK(found != ranges_.end() && found->parameter == parameter && begin >= found->begin &&
               begin + size <= found->begin + found->values.numel(),
           "this rank does not keep elements {} to {} of parameter {}", begin, begin + size,
           parameter);
  return found->values.narrow(0, begin - found->begin, size);
}

void WeightShards::set(std::size_t parameter, const at::Tensor& values) {
  const at::NoGradGuard no_grad;
  const auto found =
      std::lower_bound(ranges_.begin(), ranges_.end(), parameter,
                       [](const auto& range, std::size_t i) { return range.parameter < i; });
  if (found == ranges_.end() || found->parameter != parameter) return;
  found->values.copy_(values.reshape(-1).narrow(0, found->begin, found->values.numel()));
}

std::int64_t WeightShards::unit_of(const at::Tensor& value) const {
  for (const auto& parameter : parameters_)
    if (parameter.value.is_same(value)) return parameter.unit;
  throw base::InternalError("a tensor that is no parameter of the model has no unit");
}

CopyPlace copy_place(const parallel::RoleAssignment& role, int rank) {
  const auto place = [&](const std::vector<std::string>& axes) {
    const auto ranks = role.mesh.group(rank, axes);
    return std::pair(static_cast<int>(std::find(ranks.begin(), ranks.end(), rank) - ranks.begin()),
                     static_cast<int>(ranks.size()));
  };
  const auto [all, num_all] = place(parallel::kCopyMeshAxes);
  const auto [experts, num_experts] = place(parallel::kExpertCopyMeshAxes);
  return {all, num_all, experts, num_experts};
}

std::vector<FlatRange> shards_of(std::span<const Parameter> parameters, const CopyPlace& place) {
  std::vector<FlatRange> ranges;
  for (const auto& [experts, numbers] :
       group_by_copies(parameters, place.num_experts < place.num_all)) {
    const int num_owners = experts ? place.num_experts : place.num_all;
    const auto [inside, outside] = inside_units(parameters, numbers, num_owners);
    for (const auto i : outside) ranges.push_back(whole_range(parameters, i));
    if (inside.empty()) continue;
    const auto partition =
        partition_of(parameters, inside, num_owners, experts ? place.experts : place.all);
    for (const auto& range : partition.owned())
      ranges.push_back(
          {inside[range.parameter], range.begin,
           flat(parameters[inside[range.parameter]].value).narrow(0, range.begin, range.size)});
  }
  sort_by_parameter(ranges);
  return ranges;
}

}  // namespace r1::models
