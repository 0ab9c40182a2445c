#include "roles/open_groups.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "serialization.h"

namespace r1::mpi {
namespace {

/// What a checkpoint holds of a group. The prompt follows from the batch and the place.
using SavedGroup = std::pair<std::int64_t, std::vector<data::Completion>>;

std::string tensor_name(std::int64_t place) {
  return fmt::format("unfinished/place-{:05}", place);
}

at::Tensor as_tensor(const std::string& bytes) {
  auto tensor = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
  std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

std::string as_bytes(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()),
          static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

std::int64_t OpenGroup::num_finished() const {
  return std::count_if(samples.begin(), samples.end(), [](const auto& sample) {
    return sample.finish_reason != data::FinishReason::Unfinished;
  });
}

OpenGroups::OpenGroups(const config::RlOptions& rl, const config::PartialSchedule& schedule,
                       std::int64_t num_classes, IsOfPlace is_mine, IsOfPlace writes)
    : batch_size_(rl.prompts_per_step),
      samples_(rl.samples_per_prompt),
      num_batches_(rl.steps),
      num_classes_(num_classes),
      schedule_(schedule),
      is_mine_(std::move(is_mine)),
      writes_(std::move(writes)) {}

void OpenGroups::open(std::vector<data::Prompt> batch) {
  for (auto& prompt : batch) {
    if (!is_mine_(prompt.index)) continue;
    auto& group = groups_.emplace_back();
    group.batch = next_batch_;
    group.prompt = std::move(prompt);
    group.samples.resize(static_cast<std::size_t>(samples_));
    for (auto& sample : group.samples) sample.finish_reason = data::FinishReason::Unfinished;
  }
  ++next_batch_;
}

generation::GroupWindow OpenGroups::window() const {
  return {schedule_.late + 1 + schedule_.along, batch_size_, num_classes_, samples_};
}

std::int64_t OpenGroups::num_unfinished() const {
  std::int64_t count = 0;
  for (const auto& group : groups_)
    count += std::count_if(group.samples.begin(), group.samples.end(), [](const auto& sample) {
      return sample.finish_reason == data::FinishReason::Unfinished && !sample.token_ids.empty();
    });
  return count;
}

std::vector<data::Rollout> OpenGroups::take(std::span<const std::int64_t> chosen,
                                            std::int64_t step) {
  std::map<std::int64_t, std::int64_t> number_of;  // place in the window -> group of the step
  for (std::size_t j = 0; j < chosen.size(); ++j)
    number_of[chosen[j]] = static_cast<std::int64_t>(j);
  std::vector<data::Rollout> rollouts;
  std::erase_if(groups_, [&](OpenGroup& group) {
    const auto found = number_of.find(index(group, step));
    if (found == number_of.end()) return false;
    for (std::int64_t i = 0; i < samples_; ++i) {
      auto& rollout = rollouts.emplace_back();
      rollout.group = found->second;
      rollout.sample = rollout.group * samples_ + i;
      rollout.origin = group.batch * batch_size_ + group.prompt.index;
      rollout.prompt = group.prompt;
      rollout.prompt.index = rollout.group;
      rollout.completion = std::move(group.samples[static_cast<std::size_t>(i)]);
    }
    return true;
  });
  std::sort(rollouts.begin(), rollouts.end(),
            [](const auto& a, const auto& b) { return a.sample < b.sample; });
  return rollouts;
}

void OpenGroups::keep() {
  kept_next_batch_ = next_batch_;
  kept_.clear();
  std::map<std::int64_t, std::vector<SavedGroup>> by_place;
  for (std::int64_t place = 0; place < batch_size_; ++place)
    if (writes_(place)) by_place[place];
  for (const auto& group : groups_)
    if (const auto found = by_place.find(group.prompt.index); found != by_place.end())
      found->second.emplace_back(group.batch, group.samples);
  for (const auto& [place, groups] : by_place)
    kept_.emplace_back(tensor_name(place), encode(groups).archive);
}

std::vector<checkpoint::ShardedTensor> OpenGroups::tensors() const {
  std::vector<checkpoint::ShardedTensor> tensors;
  for (const auto& [name, bytes] : kept_)
    tensors.push_back(checkpoint::whole_tensor(name, as_tensor(bytes)));
  return tensors;
}

void OpenGroups::restore(checkpoint::CheckpointReader& reader, std::int64_t next_batch,
                         const std::function<std::vector<data::Prompt>(std::int64_t)>& prompts_of) {
  groups_.clear();
  next_batch_ = next_batch;
  std::map<std::int64_t, std::vector<data::Prompt>> prompts;
  for (std::int64_t place = 0; place < batch_size_; ++place) {
    if (!is_mine_(place)) continue;
    Encoded saved;
    saved.type = demangle(typeid(std::vector<SavedGroup>).name());
    saved.archive = as_bytes(reader.read(tensor_name(place)));
    for (auto& [batch, samples] : decode<std::vector<SavedGroup>>(saved)) {
      if (!prompts.contains(batch)) prompts[batch] = prompts_of(batch);
      groups_.push_back(
          {batch, prompts[batch].at(static_cast<std::size_t>(place)), std::move(samples)});
    }
  }
  std::sort(groups_.begin(), groups_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.batch, a.prompt.index) < std::pair(b.batch, b.prompt.index);
  });
  keep();
}

}  // namespace r1::mpi
