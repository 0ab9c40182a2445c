#pragma once
// Options of the stages that make or read data and train nothing, and of the pipeline.
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/options.h"
#include "generation/options.h"

namespace r1::config {
/// [generate.keep]: which samples reach the output file (rejection sampling).
struct KeepOptions {
  double min_reward = 0.0;
  std::string score = "total";
  bool correct = false;
  bool format = false;
  bool one_language = false;
  double min_language_share = 0.9;
  bool finished = true;
  std::int64_t min_tokens = 1;
  double max_repetition = 1.0;
  std::int64_t max_per_prompt = 0;
  bool distinct = true;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [generate]: samples of [model] over the prompts of [data].
struct GenerateOptions {
  std::string output;
  std::int64_t num_prompts = 0;
  std::int64_t samples_per_prompt = 1;
  std::int64_t max_kept = 0;
  std::int64_t prompts_per_chunk = 64;
  std::string record = "sft";
  KeepOptions keep;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [[evaluate.suites]]: one benchmark.
struct SuiteOptions {
  std::string name;
  std::string benchmark;
  std::string path;
  std::string generator;
  std::string scorer = "maths";
  std::int64_t num_questions = 0;
  std::int64_t samples_per_prompt = 1;
  std::int64_t max_new_tokens = 0;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [[evaluate.models]]: one model and its key in evaluation_results.json.
struct EvaluatedModelOptions {
  static constexpr const char* kAsData = "data";

  std::string name;
  std::string path;
  std::string teacher;
  std::string prompt_template = kAsData;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [evaluate]: every model on every suite. Without models: [model] under the name "model".
struct EvaluateOptions {
  std::string output = "evaluation_results.json";
  bool save_completions = true;
  generation::SamplingOptions sampling;
  std::vector<EvaluatedModelOptions> models;
  std::vector<SuiteOptions> suites;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [[prepare.sources]]: one input: a file (JSONL in any known form, HDF5) or a generator.
struct SourceOptions {
  std::string path;
  std::string generator;
  std::int64_t count = 0;
  std::string level;
  std::string type;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [prepare]: raw data to training records.
struct PrepareOptions {
  std::string kind = "rl";
  std::string output;
  std::string report;
  std::vector<std::string> decontaminate;
  std::int64_t ngram = 10;
  std::string language;
  double min_language_share = 0.8;
  double max_repetition = 0.5;
  bool correct = false;
  double min_quality = 0.0;
  std::int64_t max_records = 0;
  std::int64_t max_record_bytes = 1 << 20;
  std::vector<SourceOptions> sources;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [[pipeline.stages]]: one stage. Every other table of the item ([pipeline.stages.rl] after
/// [[pipeline.stages]]) overrides that section for this stage alone.
struct StageOptions {
  std::string name;
  std::string command;
  std::string from;
  std::string config;
  std::string output;
  std::int64_t ranks = 0;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [pipeline]: the stages in their order.
struct PipelineOptions {
  std::vector<StageOptions> stages;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

}  // namespace r1::config
