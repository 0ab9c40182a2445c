#include "run_loop.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "base/timer.h"
#include "base/version.h"
#include "checkpoint/catalog.h"
#include "checkpoint_model.h"
#include "config/print.h"
#include "config/stage_roles.h"
#include "models/finite.h"

namespace r1::mpi {

namespace fs = std::filesystem;

namespace {

const std::string kState = "state/loop";

std::vector<metrics::SampleTurn> sample_turns(const data::Completion& completion) {
  std::vector<metrics::SampleTurn> turns;
  for (const auto& answer : completion.answers)
    turns.push_back({answer.call, answer.text, answer.status});
  return turns;
}

}  // namespace

RunLoop::RunLoop(Run& run)
    : run_(run),
      checkpoints_(run.folder() + "/checkpoints"),
      meter_(run.world(), run.groups(), run.device()),
      saver_(run.config().checkpoint, checkpoints_, run.config().run.seed, run.world()),
      budget_(find_deadline(run.config().run.time_limit_seconds()), run.config().run.stop_margin),
      guard_(run.config().run) {
  saver_.before_publishing([&run] { run.require_folder(); });
}

RunLoop::~RunLoop() = default;

void RunLoop::persist(const std::string& name, Persistent part) {
  parts_.emplace_back(name, std::move(part));
}

void RunLoop::describe(const models::Model& model) {
  const auto folder = run_.folder() + "/description";
  const auto& eos = run_.text().tokenizer->eos_token_ids();
  write_model_description(model.shape(), model.dtype(), run_.text().tokenizer.get(),
                          {eos.begin(), eos.end()}, folder);
  if (!model.adapters().empty()) write_adapter_description(run_.config().model, folder);
  description_ = description_blobs(folder);
  fs::remove_all(folder);
}

/// The step and folder to go on from; no folder: the stage begins. Collective over: world.
std::int64_t RunLoop::choose_checkpoint(std::int64_t first_step, std::string& path) {
  if (const auto step = run_.from_step()) {
    if (parts_.empty())
      throw base::ConfigError(
          fmt::format("--from-step: the stage {} keeps no checkpoints", run_.stage()));
    path = checkpoint::select_checkpoint(checkpoints_, std::to_string(*step), run_.world());
    return *step;
  }
  const auto selection = checkpoint::newest_valid(checkpoints_, run_.world());
  // To begin anew would throw away what the run had reached, without being asked.
  if (!selection.step && !selection.refused.empty())
    throw base::InputError(
        fmt::format("{}: none of {} checkpoints is valid; move the folder away to begin at step 0",
                    checkpoints_, selection.refused.size()));
  path = selection.path;
  return selection.step.value_or(first_step);
}

void RunLoop::restore(const std::string& path, std::int64_t first) {
  std::optional<checkpoint::CheckpointReader> reader;
  run_.together(
      [&] {
        if (!path.empty()) reader.emplace(path);
        if (!reader) return;
        for (auto& [name, part] : parts_) {
          if (part.read)
            part.read(*reader, reader->blob("state/" + name));
          else
            reader->load(part.tensors());
        }
      },
      "reading the checkpoint");
  run_.together(
      [&] {
        for (auto& [name, part] : parts_)
          if (reader) part.restore(reader->blob("state/" + name));  // may talk to other ranks
        if (reader && run_.writes())
          base::log_info("{}: continues at step {} of {}", run_.stage(), first, total_steps_);
        if (reader) restore_state(reader->blob(kState));
        if (reader && reader->manifest().identity.good) clean_step_ = first;
        if (run_.writes() && run_.from_step()) checkpoint::remove_newer(checkpoints_, first);
        run_.record_start(first - 1);
        if (run_.writes()) {
          metrics_ = std::make_unique<metrics::MetricsWriter>(run_.folder(), first - 1,
                                                              run_.config().metrics.tensorboard);
          samples_ = std::make_unique<metrics::SampleWriter>(run_.folder(), first - 1);
        }
      },
      "restore");
}

std::int64_t RunLoop::begin(std::int64_t total_steps, std::int64_t first_step) {
  total_steps_ = total_steps;
  resolved_ = config::config_json(run_.config()).dump();
  std::string path;
  const auto first = choose_checkpoint(first_step, path);
  restore(path, first);
  begun_step_ = published_step_ = steps_done_ = first;
  if (!path.empty()) note_result();
  estimate_ = std::make_unique<metrics::TimeEstimate>(std::vector<metrics::StagePlan>{
      {run_.stage(), config::name_of(run_.kind()), total_steps, 0.0}});
  estimate_->begin_stage(0, first);
  printer_ = std::make_unique<metrics::ProgressPrinter>(metrics::ProgressInterval{
      run_.config().run.log_every, run_.config().metrics.progress_seconds});
  return first;
}

bool RunLoop::goes_on(std::int64_t step) {
  const bool finished = step >= total_steps_ ||
                        (run_.config().run.max_steps > 0 && step >= run_.config().run.max_steps);
  if (!finished) stop_ = agree_to_stop(run_.world(), budget_);
  if (finished || stop_) {
    // A save that was begun may have been refused since.
    finish_save();
    if (published_step_ < step) save(step, part_states());
    if (stop_ && run_.writes())
      base::log_warning("{}: stops before step {}: {}", run_.stage(), step, stop_.describe());
    return false;
  }
  begin_profile(step);
  run_.timeline().begin_step(step);
  keep_state(step);
  meter_.begin();
  run_.open_step();
  return true;
}

/// Before the step's messages are counted: a run that continues here has the copy on disk.
void RunLoop::keep_state(std::int64_t step) {
  states_before_ = part_states();
  const bool is_saved =
      published_step_ == step || (saver_.pending() && saver_.last_copy_step() == step);
  if (copies_before_steps_ && !parts_.empty() && !is_saved) {
    const auto span = run_.timeline().span("copy of the state", step);
    finish_save();
    saver_.copy(step, state_to_save(states_before_), is_clean());
  }
}

bool RunLoop::takes_so_far(std::int64_t step) {
  return !is_dropped(step, run_.is_cut_short());
}

bool RunLoop::takes(std::int64_t step) {
  return !is_dropped(step, run_.close_step());
}

bool RunLoop::is_dropped(std::int64_t step, bool cut_short_here) {
  auto seen = at::tensor({cut_short_here ? 1 : 0, SignalHandlers::received()}, at::kInt);
  run_.world().all_reduce(seen, parallel::ReduceOp::Max, "drop the step?").wait();
  const auto* values = seen.const_data_ptr<int>();
  if (values[0] == 0) return false;
  stop_ = {StopToken::Signal, values[1]};
  run_.close_step();
  finish_save();
  if (run_.writes())
    base::log_warning("{}: stops in step {}, which is dropped: {}", run_.stage(), step,
                      stop_.describe());
  if (published_step_ < step) copies_before_steps_ ? save_copy() : save(step, states_before_);
  return true;
}

/// As many ranks record a trace as keep a timeline.
void RunLoop::begin_profile(std::int64_t step) {
  if (run_.config().run.profiles(step) && !profile_ &&
      run_.world().rank() < run_.config().metrics.timeline_ranks)
    profile_ = std::make_unique<tensor::Profile>(run_.device());
}

void RunLoop::end_profile() {
  if (!profile_) return;
  const auto path = fmt::format("{}/profile_rank{}.json", run_.folder(), run_.world().rank());
  profile_->write(path);
  profile_.reset();
  base::log_info("{}: wrote {}", run_.stage(), path);
}

RunLoop::PartStates RunLoop::part_states() const {
  PartStates states;
  for (const auto& [name, part] : parts_) states[name] = part.state();
  return states;
}

checkpoint::State RunLoop::state_to_save(const PartStates& states) const {
  checkpoint::State state;
  for (const auto& [name, part] : parts_) {
    for (auto& tensor : part.tensors()) state.tensors.push_back(std::move(tensor));
    state.blobs["state/" + name] = states.at(name);
  }
  state.blobs.insert(description_.begin(), description_.end());
  state.blobs["config"] = resolved_;
  state.blobs["versions"] = fmt::format("r1mpi {} ({})", base::kVersion, base::kGitSha);
  state.blobs["rank_map"] = run_.groups().layout().print();
  state.blobs[kState] = this->state();
  return state;
}

void RunLoop::save(std::int64_t steps_done, const PartStates& states) {
  if (parts_.empty()) return;
  const auto span = run_.timeline().span("checkpoint", steps_done);
  const base::Stopwatch watch;
  finish_save();  // may say which held-out value was compared (state())
  const auto state = state_to_save(states);
  NamedValues values;
  for (const auto& tensor : state.tensors)
    for (const auto& box : tensor.boxes) values.emplace_back(tensor.name, box.view);
  require_finite(values, steps_done);
  sync_files();
  saver_.save(steps_done, state, is_clean());
  note_save(steps_done, watch.seconds());
}

/// A checkpoint of the state that was copied before the step that is dropped.
void RunLoop::save_copy() {
  const auto& copy = saver_.last_copy();
  const auto steps_done = saver_.last_copy_step();
  const auto span = run_.timeline().span("checkpoint", steps_done);
  const base::Stopwatch watch;
  NamedValues values;
  for (const auto& piece : copy.pieces())
    values.emplace_back(copy.tensors()[piece.tensor].name, copy.values(piece));
  require_finite(values, steps_done);
  sync_files();
  saver_.save_copy();
  note_save(steps_done, watch.seconds());
}

/// What is recorded of the steps before a checkpoint is on disk when the checkpoint is.
void RunLoop::sync_files() {
  if (metrics_) metrics_->sync();
  if (samples_) samples_->sync();
}

void RunLoop::note_save(std::int64_t steps_done, double seconds) {
  if (is_clean()) clean_step_ = steps_done;
  num_skipped_saved_ = num_skipped_;
  note_result();
  budget_.record_checkpoint(seconds);
  if (run_.config().checkpoint.interval_steps == 0)
    save_clock_.save_took(
        run_.world().all_reduce_scalar(seconds, parallel::ReduceOp::Max, "time of a checkpoint"));
  begun_step_ = steps_done;
}

/// Weights that are no numbers any more are worth less than the checkpoints that they would
/// replace.
void RunLoop::require_finite(const NamedValues& values, std::int64_t steps_done) {
  run_.together(
      [&] {
        for (const auto& [name, tensor] : values)
          models::require_finite(tensor, fmt::format("checkpoint of step {}", steps_done), name);
      },
      "finite weights");
}

/// What the last save came to, on all ranks alike.
void RunLoop::note_result() {
  const auto& result = saver_.last_result();
  if (result.published) published_step_ = std::max(published_step_, result.step);
  if (!run_.writes()) return;
  try {
    if (proven_step_ > marked_step_ && proven_step_ == published_step_) {
      checkpoint::mark_good(checkpoints_, proven_step_);
      marked_step_ = proven_step_;
    }
    mark_best();
  } catch (const base::FileError& error) {  // tried again after the next step
    base::log_warning("{}", error.what());
  }
}

void RunLoop::finish_step(std::int64_t step, metrics::StepMetrics metrics,
                          const std::string& measure) {
  const double seconds = meter_.seconds();
  budget_.record_step(seconds);
  metrics.set("step_seconds", seconds);
  if (!run_.config().run.profiles(step + 1)) end_profile();
  meter_.finish(metrics);
  run_.progress();
  steps_done_ = step + 1;
  const double skipped_before = num_skipped_;
  num_skipped_ = metrics.number("skipped_steps").value_or(num_skipped_);
  if (num_skipped_ == skipped_before) proven_step_ = clean_step_;
  if (run_.writes()) {
    run_.require_folder();
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    const double value = metrics.number(measure).value_or(kUnknown),
                 tokens = metrics.number("tokens_per_second").value_or(kUnknown);
    metrics_->write(step, run_.stage(), metrics);
    estimate_->step_done(seconds);
    printer_->show(*estimate_, metrics::progress_line(*estimate_, measure, value, tokens));
    guard_.step_done(step + 1, metrics);  // counted as in metrics.jsonl
  }
  saver_.poll();
  note_result();
  if (save_is_due(step + 1, seconds) && step + 1 < total_steps_) save(step + 1, part_states());
  run_.timeline().flush();
}

bool RunLoop::save_is_due(std::int64_t steps_done, double step_seconds) {
  const auto interval = run_.config().checkpoint.interval_steps;
  if (interval > 0) return steps_done % interval == 0;
  if (parts_.empty()) return false;
  save_clock_.step_took(
      run_.world().all_reduce_scalar(step_seconds, parallel::ReduceOp::Max, "time of a step"));
  return save_clock_.is_due(run_.config().checkpoint, steps_done - begun_step_);
}

/// What the loop itself knows: skipped steps, and the held-out values that no checkpoint was
/// compared by yet. The one of this checkpoint is there when a start ended before it could be
/// marked.
std::string RunLoop::state() const {
  auto values = nlohmann::json::object();
  for (const auto& [step, value] : measures_) values[std::to_string(step)] = value;
  return nlohmann::json{
      {"num_skipped", num_skipped_}, {"larger_is_better", larger_is_better_}, {"measures", values}}
      .dump();
}

void RunLoop::restore_state(const std::string& text) {
  const auto saved = base::parse_json(text, kState);
  num_skipped_ = num_skipped_saved_ = saved.at("num_skipped");
  larger_is_better_ = saved.at("larger_is_better");
  for (const auto& [step, value] : saved.at("measures").items())
    if (value.is_number()) measures_[std::stoll(step)] = value;
}

void RunLoop::measured(std::int64_t steps_done, double value, bool larger_is_better) {
  measures_[steps_done] = value;
  larger_is_better_ = larger_is_better;
}

void RunLoop::finish_save() {
  saver_.finish();
  note_result();
}

void RunLoop::mark_best() {
  const auto measure = measures_.find(published_step_);
  if (!run_.writes() || measure == measures_.end()) return;
  std::optional<checkpoint::BestCheckpoint> best;
  try {
    best = checkpoint::best_checkpoint(checkpoints_);
  } catch (const base::InputError& error) {
    base::log_warning("{}; it is written anew", error.what());
  }
  const double value = measure->second;
  if (!best || (larger_is_better_ ? value > best->value : value < best->value))
    checkpoint::mark_best(checkpoints_, published_step_, value);
  measures_.erase(measures_.begin(), std::next(measure));
}

void RunLoop::write_samples(std::int64_t step, std::span<const data::Rollout> rollouts) {
  const auto every = run_.config().metrics.samples_every;
  if (!samples_ || every == 0 || (step % every != 0 && step + 1 != total_steps_)) return;
  const auto count = std::min<std::size_t>(
      rollouts.size(), static_cast<std::size_t>(run_.config().metrics.samples_per_step));
  for (const auto& rollout : rollouts.first(count))
    samples_->write(
        {step, rollout.sample, rollout.prompt.problem, rollout.prompt.answer, rollout.prompt.text,
         rollout.completion.text, rollout.reward.total, rollout.reward.parts, rollout.reward.reason,
         rollout.completion.finish_reason == data::FinishReason::Stop ? "stop" : "length",
         sample_turns(rollout.completion)});
}

base::ExitCode RunLoop::end() {
  end_profile();
  finish_save();
  if (printer_) printer_->finish();
  run_.timeline().flush();
  if (!parts_.empty() && published_step_ < steps_done_)
    throw base::FileError(
        fmt::format("{}: {} steps are done, the newest checkpoint is that of step {}: {}",
                    run_.stage(), steps_done_, published_step_, saver_.last_result().reason));
  const auto traffic = meter_.describe_total();
  if (run_.writes() && run_.world().size() > 1) base::log_info("{}: {}", run_.stage(), traffic);
  run_.world().barrier("end of stage");
  return stop_ ? base::ExitCode::StoppedEarly : base::ExitCode::Done;
}

}  // namespace r1::mpi
