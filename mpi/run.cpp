#include "run.h"

#include <ATen/Parallel.h>
#include <fmt/ranges.h>
#include <sched.h>

#include <filesystem>

#include "base/files.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timer.h"
#include "base/version.h"
#include "checkpoint/agree.h"
#include "checkpoint/catalog.h"
#include "checkpoint/reader.h"
#include "checkpoint_model.h"
#include "collective_errors.h"
#include "config/evaluated_models.h"
#include "config/print.h"
#include "config/stage_roles.h"
#include "kernels/cuda_library.h"
#include "matmul_speed.h"
#include "model_path.h"
#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;

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
  meter_ = std::make_unique<StepMeter>(world_, *groups_, device_);
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
  saver_ = std::make_unique<checkpoint::Saver>(config().checkpoint, folder() + "/checkpoints",
                                               config().run.seed, world_);
  budget_ = TimeBudget(find_deadline(config().run.time_limit_seconds()), config().run.stop_margin);
}

Run::~Run() = default;

void Run::together(const std::function<void()>& work, const char* label) {
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
  find_models(setup_.config, choices_.models, world_);
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

void Run::progress() {
  exchange_->progress();
  if (run_folder_ && base::monotonic_seconds() - heartbeat_ > 10.0) {
    run_folder_->heartbeat();
    heartbeat_ = base::monotonic_seconds();
  }
}

void Run::persist(const std::string& name, Persistent part) {
  parts_.emplace_back(name, std::move(part));
}

void Run::describe(const models::Model& model) {
  const auto folder = this->folder() + "/description";
  const auto& eos = text_.tokenizer->eos_token_ids();
  write_model_description(model, text_.tokenizer.get(), {eos.begin(), eos.end()}, folder);
  description_ = description_blobs(folder);
  fs::remove_all(folder);
}

std::int64_t Run::begin(std::int64_t total_steps, std::int64_t first_step) {
  total_steps_ = total_steps;
  resolved_ = config::config_json(config()).dump();
  const auto selection = checkpoint::newest_valid(folder() + "/checkpoints", world_);
  const auto first = selection.step.value_or(first_step);
  std::optional<checkpoint::CheckpointReader> reader;
  together(
      [&] {
        // To begin anew would throw away what the run had reached, without being asked.
        if (!selection.step && !selection.refused.empty())
          throw base::InputError(fmt::format(
              "{}/checkpoints: none of {} checkpoints is valid; move the folder away to begin at "
              "step 0",
              folder(), selection.refused.size()));
        if (selection.step) reader.emplace(selection.path);
        for (auto& [name, part] : parts_)
          if (reader) reader->load(part.tensors());
      },
      "reading the checkpoint");
  together(
      [&] {
        for (auto& [name, part] : parts_)
          if (reader) part.restore(reader->blob("state/" + name));  // may talk to other ranks
        if (reader && writes())
          base::log_info("{}: continues at step {} of {}", stage(), first, total_steps);
        if (writes()) {
          run_folder_->record(config(), setup_.stage, world_.size(), choices_);
          metrics_ = std::make_unique<metrics::MetricsWriter>(folder(), first - 1,
                                                              config().metrics.tensorboard);
          samples_ = std::make_unique<metrics::SampleWriter>(folder(), first - 1);
        }
        std::vector<std::string> roles;
        for (const auto& place : groups_->layout().places(world_.rank()))
          roles.push_back(place.role);
        timeline_ = std::make_unique<metrics::Timeline>(metrics::Timeline::Options{
            folder(), world_.rank(), fmt::format("{}", fmt::join(roles, "+")), first - 1, -1.0,
            config().metrics.timeline_spans,
            config().metrics.timeline && world_.rank() < config().metrics.timeline_ranks});
      },
      "restore");
  saved_step_ = first;
  estimate_ = std::make_unique<metrics::TimeEstimate>(
      std::vector<metrics::StagePlan>{{stage(), config::name_of(setup_.stage), total_steps, 0.0}});
  estimate_->begin_stage(0, first);
  printer_ = std::make_unique<metrics::ProgressPrinter>(
      metrics::ProgressInterval{config().run.log_every, config().metrics.progress_seconds});
  return first;
}

bool Run::goes_on(std::int64_t step) {
  if (step >= total_steps_ || (config().run.max_steps > 0 && step >= config().run.max_steps)) {
    if (saved_step_ < step) save(step);
    return false;
  }
  stop_ = agree_to_stop(world_, budget_);
  if (stop_) {
    if (saved_step_ < step) save(step);
    if (writes())
      base::log_warning("{}: stops before step {}: {}", stage(), step, stop_.describe());
    return false;
  }
  begin_profile(step);
  timeline_->begin_step(step);
  meter_->begin();
  return true;
}

/// As many ranks record a trace as keep a timeline.
void Run::begin_profile(std::int64_t step) {
  if (config().run.profiles(step) && !profile_ && world_.rank() < config().metrics.timeline_ranks)
    profile_ = std::make_unique<tensor::Profile>(device_);
}

void Run::end_profile() {
  if (!profile_) return;
  const auto path = fmt::format("{}/profile_rank{}.json", folder(), world_.rank());
  profile_->write(path);
  profile_.reset();
  base::log_info("{}: wrote {}", stage(), path);
}

void Run::save(std::int64_t steps_done) {
  if (parts_.empty()) return;
  const auto span = timeline_->span("checkpoint", steps_done);
  checkpoint::State state;
  for (auto& [name, part] : parts_) {
    for (auto& tensor : part.tensors()) state.tensors.push_back(std::move(tensor));
    state.blobs["state/" + name] = part.state();
  }
  state.blobs.insert(description_.begin(), description_.end());
  state.blobs["config"] = resolved_;
  state.blobs["versions"] = fmt::format("r1mpi {} ({})", base::kVersion, base::kGitSha);
  state.blobs["rank_map"] = groups_->layout().print();
  if (metrics_) metrics_->sync();
  const base::Stopwatch watch;
  finish_save();
  saver_->save(steps_done, state);
  const double seconds = watch.seconds();
  budget_.record_checkpoint(seconds);
  if (config().checkpoint.interval_steps == 0)
    save_clock_.save_took(
        world_.all_reduce_scalar(seconds, parallel::ReduceOp::Max, "time of a checkpoint"));
  saved_step_ = steps_done;
}

void Run::finish_step(std::int64_t step, metrics::Row row, const std::string& measure) {
  const double seconds = meter_->seconds();
  budget_.record_step(seconds);
  row.set("step_seconds", seconds);
  if (!config().run.profiles(step + 1)) end_profile();
  meter_->finish(row);
  progress();
  if (writes()) {
    row.step = step;
    row.stage = stage();
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    const double value = row.number(measure).value_or(kUnknown),
                 tokens = row.number("tokens_per_second").value_or(kUnknown);
    metrics_->write(row);
    estimate_->step_done(seconds);
    printer_->show(*estimate_, metrics::progress_line(*estimate_, measure, value, tokens));
  }
  saver_->poll();
  mark_best();
  if (save_is_due(step + 1, seconds) && step + 1 < total_steps_) save(step + 1);
  timeline_->flush();
}

bool Run::save_is_due(std::int64_t steps_done, double step_seconds) {
  const auto interval = config().checkpoint.interval_steps;
  if (interval > 0) return steps_done % interval == 0;
  if (parts_.empty()) return false;
  save_clock_.step_took(
      world_.all_reduce_scalar(step_seconds, parallel::ReduceOp::Max, "time of a step"));
  return save_clock_.is_due(config().checkpoint, steps_done - saved_step_);
}

void Run::measured(std::int64_t steps_done, double value, bool larger_is_better) {
  measures_[steps_done] = value;
  larger_is_better_ = larger_is_better;
  mark_best();
}

void Run::finish_save() {
  saver_->finish();
  mark_best();
}

void Run::mark_best() {
  const auto& saved = saver_->last_result();
  const auto measure = measures_.find(saved.step);
  if (!writes() || !saved.published || measure == measures_.end()) return;
  const auto folder = this->folder() + "/checkpoints";
  const auto best = checkpoint::best_checkpoint(folder);
  const double value = measure->second;
  if (!best || (larger_is_better_ ? value > best->value : value < best->value))
    checkpoint::mark_best(folder, saved.step, value);
  measures_.erase(measures_.begin(), std::next(measure));
}

void Run::write_samples(std::int64_t step, std::span<const data::Rollout> rollouts) {
  const auto every = config().metrics.samples_every;
  if (!samples_ || every == 0 || (step % every != 0 && step + 1 != total_steps_)) return;
  const auto count = std::min<std::size_t>(
      rollouts.size(), static_cast<std::size_t>(config().metrics.samples_per_step));
  for (const auto& rollout : rollouts.first(count))
    samples_->write(
        {step, rollout.sample, rollout.prompt.problem, rollout.prompt.answer, rollout.prompt.text,
         rollout.completion.text, rollout.reward.total, rollout.reward.parts, rollout.reward.reason,
         rollout.completion.finish_reason == data::FinishReason::Stop ? "stop" : "length"});
}

base::ExitCode Run::end() {
  end_profile();
  finish_save();
  if (printer_) printer_->finish();
  if (timeline_) timeline_->flush();
  const auto traffic = meter_->describe_total();
  if (writes() && world_.size() > 1) base::log_info("{}: {}", stage(), traffic);
  world_.barrier("end of stage");
  return stop_ ? base::ExitCode::StoppedEarly : base::ExitCode::Done;
}

}  // namespace r1::mpi
