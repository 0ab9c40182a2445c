#pragma once
// What the tests of the roles share: a run of the toy model of configs/tiny/random.toml, questions
// with rollouts that need no sampling, and the whole model that every rank compares with.
#include <ATen/ATen.h>

#include <memory>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/stage_roles.h"
#include "models/registry.h"
#include "mpi/roles/rollouts.h"
#include "mpi/run_loop.h"
#include "support/environment.h"
#include "support/fixtures.h"
#include "support/temporary_folder.h"
#include "support/world.h"

namespace r1::test {

constexpr std::int64_t kChunks = 2, kSamplesPerPrompt = 2;
constexpr double kRounding = 1e-10;  // fp64

/// A run in a folder of its own, in fp64. Collective over: world.
class ToyRun {
 public:
  /// `overrides`: as behind --set.
  ToyRun(const std::string& command, std::vector<std::string> overrides)
      : world_(make_world()), folder_(world_.rank() == 0 ? new TemporaryFolder : nullptr) {
    for (const char* precision :
         {"model.dtype=\"fp64\"", "model.master_dtype=\"fp64\"", "trainer.gradient_dtype=\"fp64\""})
      overrides.emplace_back(precision);
    mpi::StageSetup setup;
    setup.config =
        config::load_config({command, R1_SOURCE_DIR "/configs/tiny/random.toml", overrides}).config;
    setup.stage = config::find_stage(command).value();
    setup.name = command;
    setup.folder = folder_of_first_rank();
    const auto roles = config::stage_roles(setup.config, setup.stage);
    run_ = std::make_unique<mpi::Run>(environment(), world_, std::move(setup), roles);
  }

  mpi::Run& run() { return *run_; }
  /// As a stage before its first step. Collective over: world.
  void begin() { mpi::RunLoop(*run_).begin(1); }
  const config::Config& config() const { return run_->config(); }
  mpi::RoleGroups& groups() { return run_->groups(); }

 private:
  std::string folder_of_first_rank() {
    auto path = at::zeros({256}, at::kByte);
    if (folder_) folder_->path().copy(static_cast<char*>(path.mutable_data_ptr()), 255);
    world_.broadcast(path, 0, "folder of the test").wait();
    return static_cast<const char*>(path.const_data_ptr());
  }

  mpi::MpiCommunicator world_;
  std::unique_ptr<TemporaryFolder> folder_;  // on rank 0
  std::unique_ptr<mpi::Run> run_;
};

/// The model of `options` whole on this rank, as a run in fp64 begins with it.
inline std::unique_ptr<models::Model> whole_model(const models::ModelOptions& options,
                                                  std::int64_t seed) {
  auto model = models::make_model(options.shape, at::kDouble, at::kCPU);
  models::randomize(*model, static_cast<std::uint64_t>(seed));
  return model;
}

/// Questions with indices from `first` on.
inline std::vector<data::Prompt> questions(std::int64_t count, std::int64_t first = 0) {
  std::vector<data::Prompt> prompts;
  for (std::int64_t i = first; i < first + count; ++i) {
    auto& prompt = prompts.emplace_back();
    prompt.index = i;
    prompt.problem = prompt.text = "What is " + std::to_string(i) + " + 1?";
    prompt.answer = std::to_string(i + 1);
    prompt.token_ids = {40, static_cast<data::TokenId>(50 + i), 60};
  }
  return prompts;
}

/// A chunk of the step's rollouts as the replica of this rank would have sampled them: of each
/// question a right answer and a wrong one.
inline mpi::RolloutChunk own_chunk(mpi::RoleGroups& groups, std::span<const data::Prompt> prompts,
                                   std::int64_t index) {
  mpi::RolloutChunk chunk{index, {}};
  const std::string role = parallel::sampling_role(groups.layout());
  if (!groups.is_in(role)) return chunk;
  const auto [first, last] =
      mpi::chunk_range(static_cast<std::int64_t>(prompts.size()), kChunks, index);
  for (auto p = first; p < last; ++p) {
    const auto& prompt = prompts[static_cast<std::size_t>(p)];
    if (prompt.index % groups.layout().role(role).num_replicas() != groups.place(role).replica)
      continue;
    for (std::int64_t i = 0; i < kSamplesPerPrompt; ++i) {
      auto& rollout = chunk.rollouts.emplace_back();
      rollout.sample = prompt.index * kSamplesPerPrompt + i;
      rollout.group = prompt.index;
      rollout.prompt = prompt;
      rollout.completion.text =
          "<think>I add one.</think> <answer>" + (i == 0 ? prompt.answer : "no") + "</answer>";
      rollout.completion.token_ids = {static_cast<data::TokenId>(70 + rollout.sample), 80, 90};
    }
  }
  return chunk;
}

/// Log-probabilities of a completion under the whole model at temperature 1.
inline std::vector<double> completion_logprobs(const models::Model& model,
                                               const data::Rollout& rollout) {
  const at::NoGradGuard no_grad;
  std::vector<std::int64_t> tokens(rollout.prompt.token_ids.begin(),
                                   rollout.prompt.token_ids.end());
  const auto prompt = static_cast<std::int64_t>(tokens.size());
  const auto& completion = rollout.completion.token_ids;
  tokens.insert(tokens.end(), completion.begin(), completion.end());
  const auto hidden = model.forward(packed_input({tokens}, {}, model.dtype()));
  const auto logprobs = at::log_softmax(at::linear(hidden, model.head().weight), -1);
  std::vector<double> result;
  for (std::size_t i = 0; i < completion.size(); ++i)
    result.push_back(
        logprobs[prompt + static_cast<std::int64_t>(i) - 1][completion[i]].item<double>());
  return result;
}

}  // namespace r1::test
