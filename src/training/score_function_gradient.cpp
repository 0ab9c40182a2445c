#include "training/score_function_gradient.h"

#include <ATen/ATen.h>

#include "algorithms/score_function_loss.h"
#include "models/lockstep.h"
#include "training/number_lists.h"
#include "training/pass.h"

namespace r1::training {

void add_score_function_gradient(const TrainedModel& trained, const CostedAnswers& answers,
                                 double weight, const config::TrainerOptions& options,
                                 const Progress& progress) {
  models::Lockstep lockstep(trained.model, trained.trainer.idle_backward());
  for (const auto& indices :
       data::split_by_tokens(answers.samples, options.micro_batch_tokens, options.share_prefix)) {
    lockstep.begin_pass();
    const Pass pass(trained.model, answers.samples, indices, options.share_prefix);
    std::vector<std::int64_t> numbers;
    for (const auto& range : pass.batch().samples) numbers.push_back(range.sample);
    const auto loss = algorithms::score_function_loss(
        pass.logprobs(1.0, false, options.logprob_chunk_tokens).logprobs,
        algorithms::sequence_ids_of(pass.lengths()),
        answers.costs.index_select(0, to_tensor(numbers, at::kCPU)), {0.0, answers.num_answers});
    trained.trainer.backward(weight * loss, false);
    progress();
  }
  lockstep.finish();
}

}  // namespace r1::training
