// Samples a model on a set of prompts and keeps completions by rules, for cold-start, SFT-1 and
// distillation data. The stage can restart: before a chunk begins, the records of the previous
// chunk and the number of finished chunks are on disk.
#include "config/stage_roles.h"
#include "prompt_source.h"
#include "roles/sampled_model.h"
#include "run_loop.h"
#include "stages/kept_samples.h"
#include "stages/stages.h"

namespace r1::mpi {

base::ExitCode run_generate(Environment& environment, MpiCommunicator& world,
                            const StageSetup& setup) {
  Run run(environment, world, setup, config::stage_roles(setup.config, setup.stage));
  RunLoop loop(run);
  const PromptSource prompts(run);
  const auto& options = run.config().generate;
  RewardRole reward(run, run.config().rewards);
  SampledModel model(run, run.config().model, run.text());
  const auto num_prompts = options.num_prompts > 0
                               ? options.num_prompts
                               : static_cast<std::int64_t>(prompts.dataset().train().size());
  const auto num_chunks = (num_prompts + options.prompts_per_chunk - 1) / options.prompts_per_chunk;
  KeptSamples kept(run,
                   options.output.empty() ? run.folder() + "/samples_kept.jsonl" : options.output);

  auto chunk = loop.begin(num_chunks, kept.continue_from());
  for (; loop.goes_on(chunk) && !kept.enough(); ++chunk) {
    const auto first = chunk * options.prompts_per_chunk;
    const auto batch =
        prompts.places(first, std::min(num_prompts, first + options.prompts_per_chunk), first);
    const auto rollouts =
        model.answer(batch, options.samples_per_prompt, run.config().sampling, 0, reward);
    if (!loop.takes(chunk)) break;
    auto metrics = kept.add(rollouts, chunk);
    loop.write_samples(chunk, rollouts);
    loop.finish_step(chunk, std::move(metrics), "kept_share");
  }
  if (!loop.stopped_early()) kept.finish();
  return loop.end();
}

}  // namespace r1::mpi
