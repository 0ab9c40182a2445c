#pragma once
// Options of the rewards: [rewards] with the weighted parts, and one section per reward with
// settings. The defaults are the values of the guide's listings, or of the papers where a comment
// names a paper.
#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"

namespace r1::rewards {

/// [[rewards.parts]]: one reward with its weight, alone or inside a group.
struct PartOptions {
  std::string name;
  double weight = 1.0;
  std::string group;
  base::FieldValues when{};

  void visit(base::OptionVisitor& v) {
    v("name", name, "a reward of the registry (src/rewards/README.md lists them)");
    v("weight", weight, "factor of this part in its group, or in the total");
    v("group", group, "name of a [[rewards.groups]] entry whose weight multiplies this part's");
    v("when", when,
      "records that the part counts for, by their fields: {type = [\"code\"], ...}; empty: all");
  }
};

/// [[rewards.groups]]: total = sum of weight x part over parts without a group + sum over groups of
/// group weight x (sum of weight x part over the parts of the group).
struct GroupOptions {
  std::string name;
  double weight = 1.0;

  void visit(base::OptionVisitor& v) {
    v("name", name, "what [[rewards.parts]] refer to");
    v("weight", weight, "factor of the whole group in the total (guide's RL 2: 0.8 quality)");
  }
};

/// [rewards.tags]: the tags of the thinking part and of the answer.
struct TagOptions {
  std::string think = "think";
  std::string answer = "answer";
  std::string forced_opening;

  void visit(base::OptionVisitor& v) {
    v("think", think,
      "tag of the thinking part, without brackets (papers: think, guide: thinking)");
    v("answer", answer, "tag of the answer; empty: free text follows the thinking part");
    v("forced_opening", forced_opening,
      "text put behind each prompt whose template does not end with it, such as <think>; what a "
      "prompt opens belongs to the completion");
  }
};

/// [rewards.quality]: words and signs for the guide's quality rewards.
struct QualityOptions {
  std::vector<std::string> conclusions{"따라서",  "답:",         "결론:",  "therefore",
                                       "answer:", "conclusion:", "\\boxed"};
  std::vector<std::string> operators{"=", "+", "-", "×", "÷", "√"};
  std::vector<std::string> connectives{"first",   "next", "then", "so",       "therefore",
                                       "finally", "먼저", "다음", "그러므로", "따라서"};
  bool operators_between_operands = true;
  std::int64_t ngram = 4;

  void visit(base::OptionVisitor& v) {
    v("conclusions", conclusions,
      "any of these marks a conclusion (the guide's three and English)");
    v("operators", operators, "any of these marks mathematical notation (the guide's list)");
    v("connectives", connectives, "a line of the thinking part that begins so is a step");
    v("operators_between_operands", operators_between_operands,
      "count an operator only between operands; the guide counts any '-', which is in nearly any "
      "text");
    v("ngram", ngram, "words in an n-gram of the repetition measure of consistency");
  }
};

/// [rewards.readability]
struct ReadabilityOptions {
  bool guide_split = false;
  double min_words = 10.0;
  double max_words = 25.0;
  double wanted_paragraphs = 3.0;
  std::int64_t ngram = 4;

  void visit(base::OptionVisitor& v) {
    v("guide_split", guide_split,
      "split sentences at every '.', empty pieces counted, as the guide does; else at sentence "
      "ends");
    v("min_words", min_words, "words per sentence from which length is right (guide: 10)");
    v("max_words", max_words, "words per sentence up to which length is right (guide: 25)");
    v("wanted_paragraphs", wanted_paragraphs, "paragraphs for full structure (guide: 3)");
    v("ngram", ngram, "words in an n-gram of the repetition measure");
  }
};

/// [rewards.correctness]
struct CorrectnessOptions {
  bool partial_credit = false;

  void visit(base::OptionVisitor& v) {
    v("partial_credit", partial_credit,
      "give a wrong answer up to 0.49 for a close number or part of a set (guide: on, papers: "
      "off)");
  }
};

/// [rewards.language]
struct LanguageOptions {
  std::string target = "problem";

  void visit(base::OptionVisitor& v) {
    v("target", target,
      "language of the thinking part: en, ko, zh, ja, ..., or problem: the question's");
  }
};

/// [rewards.repetition]
struct RepetitionOptions {
  std::int64_t ngram = 4;

  void visit(base::OptionVisitor& v) { v("ngram", ngram, "words in an n-gram"); }
};

/// [rewards.length]: cosine of the completion's length, constant beyond the maximum.
struct LengthOptions {
  double correct_short = 1.0;
  double correct_long = 0.5;
  double wrong_short = 0.0;
  double wrong_long = 0.0;
  std::int64_t max_tokens = 0;

  void visit(base::OptionVisitor& v) {
    v("correct_short", correct_short, "a right answer of no length");
    v("correct_long", correct_long, "a right answer of max_tokens and more");
    v("wrong_short", wrong_short, "a wrong answer of no length");
    v("wrong_long", wrong_long, "a wrong answer of max_tokens and more");
    v("max_tokens", max_tokens, "length at which the cosine ends, tokens; 0: the sampling limit");
  }
};

/// [rewards.overlong]: DAPO's soft overlong punishment. Reference: arXiv 2503.14476, equation 13.
struct OverlongOptions {
  std::int64_t max_tokens = 0;
  std::int64_t buffer_tokens = 512;

  void visit(base::OptionVisitor& v) {
    v("max_tokens", max_tokens, "length from which the part is 0, tokens; 0: the sampling limit");
    v("buffer_tokens", buffer_tokens,
      "the part falls from 1 to 0 over the last so many tokens (DAPO: 4096 of 20480)");
  }
};

/// [rewards.countdown]
struct CountdownOptions {
  bool use_all = true;
  double valid_expression = 0.0;

  void visit(base::OptionVisitor& v) {
    v("use_all", use_all, "each number exactly once; false: at most once");
    v("valid_expression", valid_expression,
      "what a legal expression of another value earns, [0, 0.5)");
  }
};

/// [rewards.limits]: resource limits of a worker process.
struct LimitOptions {
  double sample_seconds = 10.0;
  double step_seconds = 600.0;
  std::int64_t memory_mib = 1024;

  void visit(base::OptionVisitor& v) {
    v("sample_seconds", sample_seconds,
      "wall-clock seconds for the rule rewards of one sample; code and external add their own");
    v("step_seconds", step_seconds,
      "wall-clock seconds for the rule rewards of one step on a rank: the samples that are not "
      "scored by then score 0 (metric reward_step_limit_share)");
    v("memory_mib", memory_mib, "address space of a worker process, MiB");
  }
};

/// [rewards.code]: programs that are run against the tests of their record.
struct CodeOptions {
  std::string python = "python3";
  std::string compiler = "g++";
  std::vector<std::string> compiler_flags{"-std=c++17", "-O1"};
  double test_seconds = 4.0;
  double run_seconds = 30.0;
  double compile_seconds = 20.0;
  std::int64_t memory_mib = 512;
  std::int64_t compile_memory_mib = 1024;
  std::int64_t output_bytes = 1 << 20;
  std::int64_t max_tests = 64;
  bool all_or_nothing = false;

  void visit(base::OptionVisitor& v) {
    v("python", python, "the Python interpreter: a path, or a name of PATH");
    v("compiler", compiler, "the C++ compiler: a path, or a name of PATH");
    v("compiler_flags", compiler_flags, "its arguments besides input and output");
    v("test_seconds", test_seconds, "wall-clock and processor seconds of one test");
    v("run_seconds", run_seconds, "wall-clock seconds of all tests of a sample together");
    v("compile_seconds", compile_seconds, "wall-clock seconds of compiling a sample");
    v("memory_mib", memory_mib, "address space of the program, MiB");
    v("compile_memory_mib", compile_memory_mib, "address space of each compiler process, MiB");
    v("output_bytes", output_bytes, "a program that prints more is ended");
    v("max_tests", max_tests, "of more tests in a record the first so many are run");
    v("all_or_nothing", all_or_nothing, "1 when all tests pass, else 0; false: their share");
  }
};

/// [rewards.external]: a user-defined command that scores samples.
struct ExternalOptions {
  std::vector<std::string> command;
  double timeout = 10.0;

  void visit(base::OptionVisitor& v) {
    v("command", command,
      "program (a path, or a name of PATH) and arguments; one instance per worker process reads "
      "and writes JSON lines");
    v("timeout", timeout, "seconds for one line");
  }
};

/// Largest number of threads or worker processes per rank.
constexpr std::int64_t kMaxWorkers = 1024;

/// [rewards.reward_model]: the conversion of [reward_model]'s score to a part.
struct RewardModelOptions {
  std::string sees = "answer";
  double offset = 0.0;
  double scale = 1.0;

  void visit(base::OptionVisitor& v) {
    v.choice("sees", sees, {"answer", "all"},
             "text behind the question: the answer part alone (R1, RL 2), or the thinking too");
    v("offset", offset, "part = sigmoid((score - offset) / scale)");
    v("scale", scale, "see offset");
  }
};

/// [rewards.safety]: the text that [classifier] reads.
struct SafetyPartOptions {
  std::string sees = "all";

  void visit(base::OptionVisitor& v) {
    v.choice("sees", sees, {"answer", "all"},
             "the whole completion (R1, RL 2), or its answer part alone");
  }
};

/// [[rewards.models]]: a model that scores a part of its own, besides [reward_model] and
/// [classifier].
struct ScoringModelOptions {
  std::string name;
  std::string kind = "preference";
  std::string path;
  std::string tokenizer;
  std::string chat_template = "auto";
  std::string dtype = "bf16";
  std::string sees = "answer";
  double offset = 0.0;
  double scale = 1.0;

  bool is_preference() const { return kind == "preference"; }

  void visit(base::OptionVisitor& v) {
    v("name", name, "name of its part in [[rewards.parts]]");
    v.choice("kind", kind, {"preference", "safety"},
             "preference: a classifier with one output, scored as reward_model; safety: one with "
             "labels, scored as safety");
    v("path", path, "as of [model]");
    v("tokenizer", tokenizer, "as of [model]");
    v("chat_template", chat_template, "as of [model]");
    v.choice("dtype", dtype, {"auto", "bf16", "fp32", "fp64"}, "as of [model]");
    v.choice("sees", sees, {"answer", "all"},
             "text that it reads: the answer part alone, or the thinking too");
    v("offset", offset, "preference: part = sigmoid((score - offset) / scale)");
    v("scale", scale, "see offset");
  }
};

/// Names of the parts that [reward_model] and [classifier] score.
inline constexpr const char* kRewardModelPart = "reward_model";
inline constexpr const char* kSafetyPart = "safety";

/// [rewards.puzzle]
struct PuzzleOptions {
  std::string scorer;
  bool programs = false;
  bool substring_credit = false;

  void visit(base::OptionVisitor& v) {
    v("scorer", scorer,
      "scorer of records that name none and are of no known task; empty: the maths verifier");
    v("programs", programs,
      "records with tests are scored as by the part 'code', in worker processes; false: they are "
      "dropped");
    v("substring_credit", substring_credit,
      "a wrong answer that holds the right one earns their share of lengths, at most 0.49 "
      "(reasoning-gym: up to 1)");
  }
};

/// [rewards]: all options of a CombinedReward.
struct RewardOptions {
  std::vector<PartOptions> parts;
  std::vector<GroupOptions> groups;
  std::vector<ScoringModelOptions> models;
  double quality_cap_when_wrong = 1.0;
  std::int64_t workers = 0;  // processes
  std::int64_t threads = 1;
  std::int64_t delay_ms = 0;
  bool shuffle = false;
  TagOptions tags;
  QualityOptions quality;
  ReadabilityOptions readability;
  CorrectnessOptions correctness;
  LanguageOptions language;
  RepetitionOptions repetition;
  LengthOptions length;
  OverlongOptions overlong;
  CountdownOptions countdown;
  LimitOptions limits;
  CodeOptions code;
  ExternalOptions external;
  RewardModelOptions reward_model;
  SafetyPartOptions safety;
  PuzzleOptions puzzle;

  /// Whether a part with this name is listed.
  bool has_part(const std::string& name) const;
  /// What scores the listed parts that models score. For the parts reward_model and safety, whose
  /// models have tables of their own, the entry has no path.
  std::vector<ScoringModelOptions> scoring_models() const;
  /// Whether programs in completions are executed, which requires worker processes.
  bool runs_programs() const;
  /// Wall-clock seconds per sample, after which the worker is killed.
  double sample_budget() const;
  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// Whether [[evaluate.suites]] accepts this scorer (registry.h: reward_of_scorer), and a list of
/// all scorers.
bool is_scorer(const std::string& scorer);
std::string scorer_list();

}  // namespace r1::rewards
