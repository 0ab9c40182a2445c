#include "stages/distillation_epochs.h"

#include <cmath>
#include <filesystem>

#include "base/log.h"
#include "stages/stage_output.h"
#include "stages/supervised_data.h"

namespace r1::mpi {

DistillationEpochs::DistillationEpochs(const Run& run, const SupervisedData& data)
    : run_(run), data_(data) {}

void DistillationEpochs::persist(RunLoop& loop) {
  loop.persist("epoch", {[] { return std::vector<checkpoint::ShardedTensor>(); },
                         [this] {
                           return nlohmann::json{{"loss", loss_sum_}, {"steps", num_steps_}}.dump();
                         },
                         [this](const std::string& state) {
                           const auto values = nlohmann::json::parse(state);
                           loss_sum_ = values.at("loss").get<double>();
                           num_steps_ = values.at("steps").get<std::int64_t>();
                         }});
}

std::int64_t DistillationEpochs::num_done(std::int64_t steps) const {
  const auto& distill = run_.config().distill;
  const auto done = steps * distill.batch / data_.size();
  return distill.steps > 0 ? done : std::min(done, distill.epochs);
}

std::string DistillationEpochs::folder(std::int64_t epoch) const {
  return fmt::format("{}/{}{}", run_.folder(), kEpochFolder, epoch);
}

void DistillationEpochs::begin(training::Trainer* trainer, std::int64_t first_step) {
  if (first_step == 0) return;
  const auto done = num_done(first_step);
  const bool missing = run_.writes() && done > 0 && !std::filesystem::exists(folder(done - 1));
  if (run_.world().all_reduce_scalar(missing ? 1.0 : 0.0, parallel::ReduceOp::Max, "saved epochs") >
      0.0)
    save_if_due(trainer, first_step - 1);
}

void DistillationEpochs::add(metrics::StepMetrics& metrics, std::int64_t step) {
  if (const auto loss = metrics.number("loss"); loss && std::isfinite(*loss)) {
    loss_sum_ += *loss;
    ++num_steps_;
  }
  const auto done = num_done(step + 1);
  if (done == num_done(step)) return;
  const double mean = loss_sum_ / static_cast<double>(num_steps_);
  metrics.set("epoch", static_cast<double>(done - 1));
  metrics.set("epoch_loss", mean);
  if (run_.writes())
    base::log_info("{}: epoch {} ended, mean loss {:.6g} of {} steps", run_.stage(), done - 1, mean,
                   num_steps_);
  loss_sum_ = 0.0;
  num_steps_ = 0;
}

void DistillationEpochs::save_if_due(training::Trainer* trainer, std::int64_t step) {
  const auto done = num_done(step + 1);
  if (run_.config().distill.save_each_epoch && done > num_done(step))
    export_model(run_, trainer, folder(done - 1));
}

}  // namespace r1::mpi
