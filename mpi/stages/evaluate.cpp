// Benchmarks: evaluates every model on every suite and reports pass@1 over k samples with an
// interval, cons@k, and the share of truncated answers. Several models with the same files are
// sampled once.
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "config/evaluated_models.h"
#include "config/stage_roles.h"
#include "data/generators.h"
#include "data/record_reader.h"
#include "prompt_source.h"
#include "rewards/registry.h"
#include "roles/sampled_model.h"
#include "run_loop.h"
#include "stages/evaluation.h"
#include "stages/stages.h"

namespace r1::mpi {
namespace {

/// The questions of a suite, disjoint from all training data when generated.
std::vector<data::Problem> questions(const Run& run, const config::SuiteOptions& suite) {
  auto options = run.config().data;
  std::vector<data::Problem> problems;
  const auto limit = suite.num_questions > 0 ? suite.num_questions : std::int64_t{1} << 40;
  const auto records =
      suite.generator.empty()
          ? data::read_record_file(suite.path, {.bad_lines = options.max_bad_lines})
          : data::generate_sets(suite.generator, 1, std::min<std::int64_t>(limit, 1024),
                                static_cast<std::uint64_t>(options.generate.seed))
                .held_out;
  std::int64_t num_bad = 0;
  for (std::size_t i = 0; i < records.size() && std::ssize(problems) < limit; ++i) {
    try {
      problems.push_back(
          data::make_problem(records[i], options,
                             fmt::format("evaluate.suites.{}: {} question {}", suite.name,
                                         suite.path + suite.generator, i + 1)));
    } catch (const base::InputError& error) {
      if (++num_bad > options.max_bad_lines) throw;
      base::log_warning("question left out: {}", error.what());
    }
  }
  if (problems.empty())
    throw base::InputError(fmt::format("evaluate.suites.{}: no question", suite.name));
  require_answers(run, problems, rewards::scorer_options(run.config().rewards, suite.scorer),
                  fmt::format("evaluate.suites.{}", suite.name));
  return problems;
}

/// A suite's questions as a model is asked them.
std::vector<data::Prompt> render(const data::PromptRenderer& renderer,
                                 const std::vector<data::Problem>& problems) {
  std::vector<data::Prompt> prompts;
  for (std::size_t i = 0; i < problems.size(); ++i)
    prompts.push_back(renderer.prompt(problems[i], static_cast<std::int64_t>(i)));
  return prompts;
}

}  // namespace

base::ExitCode run_evaluate(Environment& environment, MpiCommunicator& world,
                            const StageSetup& setup) {
  Run run(environment, world, setup, config::stage_roles(setup.config, setup.stage));
  RunLoop loop(run);
  const auto& options = run.config().evaluate;
  const auto models = config::evaluated_models(run.config());
  auto subjects = models;
  std::erase_if(subjects, [&](const auto& model) {
    return answering_model(models, model).name != model.name;
  });
  const auto num_suites = static_cast<std::int64_t>(options.suites.size());
  // Of every model before the first one is asked: a folder that cannot be read is found now.
  std::vector<TextModel> texts;
  std::vector<std::vector<std::vector<data::Prompt>>> prompts(subjects.size());
  run.together(
      [&] {
        std::vector<std::vector<data::Problem>> suites;
        for (const auto& suite : options.suites) suites.push_back(questions(run, suite));
        for (std::size_t i = 0; i < subjects.size(); ++i) {
          const auto files = config::model_of(run.config(), subjects[i]);
          texts.push_back(i == 0 ? run.text()  // of config::first_model
                                 : load_text_model(files, model_shape(files).vocab_size));
          const auto renderer =
              make_renderer(run, config::data_of(run.config(), subjects[i]), texts.back());
          for (const auto& problems : suites) prompts[i].push_back(render(renderer, problems));
        }
      },
      "reading the suites");
  EvaluationResults results(run);

  std::unique_ptr<SampledModel> model;
  auto loaded = subjects.size();
  const auto total = static_cast<std::int64_t>(subjects.size()) * num_suites;
  auto step = loop.begin(total, results.num_done());
  for (; loop.goes_on(step); ++step) {
    const auto subject = static_cast<std::size_t>(step / num_suites);
    const auto of_suite = static_cast<std::size_t>(step % num_suites);
    const auto& suite = options.suites[of_suite];
    if (loaded != subject) {
      model.reset();
      model = std::make_unique<SampledModel>(run, config::model_of(run.config(), subjects[subject]),
                                             texts[subject]);
      model->keep_prefixes();
      loaded = subject;
    }
    RewardRole scorer(run, rewards::scorer_options(run.config().rewards, suite.scorer));
    auto sampling = options.sampling;
    if (suite.max_new_tokens > 0) sampling.max_new_tokens = suite.max_new_tokens;
    const auto answers =
        model->answer(prompts[subject][of_suite], suite.samples_per_prompt, sampling, 0, scorer);
    if (!loop.takes(step)) break;
    loop.write_samples(step, answers);
    loop.finish_step(step, results.add(subjects[subject].name, suite, answers, step), "pass_at_1");
  }
  if (step == total) results.finish(models);  // else: stopped early, or run.max_steps
  return loop.end();
}

}  // namespace r1::mpi
