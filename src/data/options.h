#pragma once
// Options of data sets: [data].
#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"

namespace r1::data {

/// [[data.few_shot]]: one earlier turn of the conversation.
struct FewShotOptions {
  std::string user;
  std::string assistant;

  void visit(base::OptionVisitor& v) {
    v("user", user, "what the user said in an earlier turn");
    v("assistant", assistant, "what the model answered, in the wanted form");
  }
};

/// [data.generate]: problems made with a seed instead of read from files.
struct GeneratorOptions {
  std::vector<std::string> names;
  std::int64_t count = 2048;
  std::int64_t held_out_count = 128;
  std::int64_t seed = 1;

  void visit(base::OptionVisitor& v) {
    v("names", names, "generators (add20, countdown, ...; src/data/README.md lists them)");
    v("count", count, "training problems per generator");
    v("held_out_count", held_out_count,
      "held-out problems per generator, none of them a training problem");
    v("seed", seed,
      "seed of the problems, apart from the run's so that all stages agree on what is held out");
  }
};

/// [data]
struct DataOptions {
  std::vector<std::string> files;
  std::vector<std::string> held_out_files;
  double held_out = 0.01;
  std::int64_t max_records = 0;
  std::int64_t max_bad_lines = 100;
  std::vector<std::string> problem_fields{"problem", "question", "instruction",
                                          "prompt",  "messages", "conversations"};
  std::vector<std::string> answer_fields{"answer", "solution", "output",
                                         "reward_model.ground_truth"};
  std::string domain_field = "type";
  std::string prompt_template = "chat";
  std::vector<std::string> template_variables;
  std::string system_prompt;
  std::string instruction = "{problem}";
  std::vector<FewShotOptions> few_shot;
  GeneratorOptions generate;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

}  // namespace r1::data
