#include "run.h"

#include <ATen/Parallel.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <utility>

#include "base/log.h"
#include "base/random.h"
#include "checkpoint/agree.h"
#include "collective_errors.h"
#include "config/evaluated_models.h"
#include "config/stage_roles.h"
#include "kernels/cuda_library.h"
#include "matmul_speed.h"
#include "model_path.h"
#include "shutdown.h"
#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

/// The cores of this process, shared by the ranks of the node that train or sample: other roles
/// mostly work while those wait.
std::int64_t threads_per_rank(RoleGroups& groups, const Environment& environment) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
  int sharing = 0;
  const auto& layout = groups.layout();
  for (int rank = 0; rank < layout.world_size(); ++rank)
    if (layout.is_in(rank, kPolicy) || layout.is_in(rank, kPolicyGenerate))
      sharing += environment.node_of_rank()[static_cast<std::size_t>(rank)] ==
                 environment.node_of_rank()[0];
  return std::max(1, count / std::max(1, sharing));
}

/// Node of each rank of a communicator that has the first ranks of MPI's world.
std::vector<int> nodes_of(const Environment& environment, const MpiCommunicator& world) {
  const auto& all = environment.node_of_rank();
  return {all.begin(), all.begin() + world.size()};
}

}  // namespace

Run::Run(Environment& environment, MpiCommunicator& world, StageSetup setup,
         const std::vector<std::string>& roles)
    : environment_(environment), world_(world), setup_(std::move(setup)) {
  together([&] { device_ = kernels::open_device(config().run.device, environment_.local_rank()); },
           "device");
  open_folder();
  groups_ =
      std::make_unique<RoleGroups>(world_,
                                   RoleLayout(config::role_requests(config(), setup_.stage, roles),
                                              world_.size(), nodes_of(environment_, world_), true),
                                   BackendRequest{config().communication.backend, device_});
  choose_numbers();
  exchange_ = std::make_unique<Exchange>(world_.handle());
  together(
      [&] {
        const auto model = config::first_model(config(), setup_.stage);
        text_ = load_text_model(model, model_shape(model).vocab_size);
      },
      "tokenizer");
  if (writes() && text_.tokenizer->eos_token_ids().empty())
    base::log_warning(
        "{}: the tokenizer has no end token: every completion goes on up to its length limit",
        stage());
  if (config().rewards.shuffle && groups_->layout().role(kPolicy).ranks.size() > 1)
    throw base::ConfigError("rewards.shuffle: a testing aid for one policy rank");
  if (writes())
    base::log_info("{}: {}; {} threads, {}", stage(), groups_->layout().print(),
                   at::get_num_threads(), tensor::dtype_name(dtype_));
  if (writes() && !groups_->over_nccl().empty())
    base::log_info("{}: over NCCL: {}", stage(), fmt::join(groups_->over_nccl(), ", "));
}

Run::~Run() = default;

void Run::together(const std::function<void()>& work, const char* label) const {
  coordinate_errors(world_, work, label);
}

/// Rank 0 alone touches the folder; nothing in it changes before the start has succeeded (begin).
void Run::open_folder() {
  std::string found;
  together(
      [&] {
        if (!writes()) return;
        run_folder_ = std::make_unique<RunFolder>(folder());
        if (const auto choices = run_folder_->choices()) found = choices->to_json();
      },
      "run folder");
  found = checkpoint::broadcast_bytes(world_, found, 0, "choices of the first start");
  if (!found.empty()) choices_ = RunChoices::from_json(found, folder() + "/chosen.json");
  find_models(setup_.config, choices_.models, folder() + "/start", world_);
  together(
      [&] {
        if (writes()) run_folder_->require_same(config(), setup_.allow_config_change);
      },
      "configuration");
}

/// Numbers that are measured are measured once per run and kept, so that a continued run computes
/// alike.
void Run::choose_numbers() {
  if (choices_.started == 0) {
    auto now = at::full({1}, static_cast<std::int64_t>(std::time(nullptr)), at::kLong);
    world_.broadcast(now, 0, "time of the first start").wait();
    choices_.started = now.item<std::int64_t>();
  }
  const bool other_threads = config().run.threads > 0 && config().run.threads != choices_.threads;
  const bool other_dtype =
      config().model.dtype != "auto" && !choices_.dtype.empty() &&
      tensor::parse_dtype(config().model.dtype) != tensor::parse_dtype(choices_.dtype);
  if (choices_.threads > 0 && setup_.allow_config_change && (other_threads || other_dtype)) {
    if (other_threads) choices_.threads = config().run.threads;
    if (other_dtype) choices_.dtype = tensor::dtype_name(tensor::parse_dtype(config().model.dtype));
  } else if (choices_.threads > 0 && other_threads && writes()) {
    base::log_warning(
        "run.threads: the run goes on with {} threads, as it began: sums of {} threads differ in "
        "their "
        "last bits (--allow-config-change takes them)",
        choices_.threads, config().run.threads);
  }
  if (choices_.threads == 0) {
    auto values = at::zeros({2}, at::kLong);
    if (writes()) {
      values[0] = config().run.threads > 0 ? config().run.threads
                                           : threads_per_rank(*groups_, environment_);
      at::set_num_threads(static_cast<int>(values[0].item<std::int64_t>()));
      const auto& dtype = config().model.dtype;
      values[1] = static_cast<std::int64_t>(dtype != "auto"     ? tensor::parse_dtype(dtype)
                                            : device_.is_cuda() ? at::kBFloat16
                                                                : fastest_cpu_dtype());
    }
    world_.broadcast(values, 0, "threads and dtype").wait();
    choices_.threads = values[0].item<std::int64_t>();
    choices_.dtype =
        tensor::dtype_name(static_cast<at::ScalarType>(values[1].item<std::int64_t>()));
  }
  at::set_num_threads(static_cast<int>(choices_.threads));
  dtype_ = tensor::parse_dtype(choices_.dtype);
}

std::tm Run::started() const {
  const auto seconds = static_cast<std::time_t>(choices_.started);
  std::tm time{};
  localtime_r(&seconds, &time);
  return time;
}

std::uint64_t Run::seed(std::initializer_list<std::uint64_t> parts) const {
  auto seed =
      base::derive_seed({static_cast<std::uint64_t>(config().run.seed), base::hash_name(stage())});
  for (const auto part : parts) seed = base::derive_seed({seed, part});
  return seed;
}

void Run::progress() const {
  exchange_->progress();
}

bool Run::is_cut_short() const {
  if (step_is_open_ && environment_.stop_channel().asked()) was_cut_short_ = true;
  return was_cut_short_;
}

bool Run::is_cut_short(const std::string& role) const {
  double cut = is_cut_short() ? 1.0 : 0.0;
  if (!step_is_open_) return cut > 0.0;
  const auto axes = groups_->model_axes(role);
  for (const auto axis : {parallel::ModelAxis::Tensor, parallel::ModelAxis::Context})
    if (axes.size(axis) > 1)
      cut = axes[axis].all_reduce_scalar(cut, parallel::ReduceOp::Max, "signal to stop?");
  return cut > 0.0;
}

bool Run::close_step() {
  step_is_open_ = false;
  return std::exchange(was_cut_short_, false);
}

void Run::require_folder() const {
  if (run_folder_) run_folder_->require_mine();
}

std::optional<std::int64_t> Run::from_step() const {
  if (!setup_.from_step) return std::nullopt;
  const auto step = *setup_.from_step;
  const bool done = restart_count() > 0 && choices_.went_back_step == step &&
                    choices_.went_back_job == checkpoint::current_owner().job_id;
  return done ? std::nullopt : std::optional(step);
}

void Run::record_start(std::int64_t last_step) {
  if (const auto step = from_step()) {
    choices_.went_back_job = checkpoint::current_owner().job_id;
    choices_.went_back_step = *step;
  }
  if (writes()) run_folder_->record(config(), setup_.stage, world_.size(), choices_);
  std::vector<std::string> roles;
  for (const auto& place : groups_->layout().places(world_.rank())) roles.push_back(place.role);
  timeline_ = std::make_unique<metrics::Timeline>(metrics::Timeline::Options{
      folder(), world_.rank(), fmt::format("{}", fmt::join(roles, "+")), last_step, -1.0,
      config().metrics.timeline_spans,
      config().metrics.timeline && world_.rank() < config().metrics.timeline_ranks});
}

}  // namespace r1::mpi
