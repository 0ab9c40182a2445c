#pragma once
// Options of the supervised stages: cold start, SFT 1 and 2, distillation. A "step" is one
// optimizer step. Batch sizes are global.
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/options.h"
#include "models/options.h"

namespace r1::config {
/// [sft.safety]: the safety term of SFT 2, scored by [classifier] on the reward ranks.
struct SafetyOptions {
  double weight = 0.0;
  std::int64_t samples_per_prompt = 1;
  std::int64_t max_new_tokens = 128;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [sft]: cold start, SFT 1, SFT 2; DPO and reward models.
struct SftOptions {
  std::string objective = "next_token";
  std::int64_t epochs = 3;
  std::int64_t steps = 0;
  std::int64_t batch = 64;
  std::string loss_on = "completion";
  std::int64_t max_length = 4096;
  std::int64_t eval_every = 0;
  SafetyOptions safety;

  /// Whether a record is a pair of answers, the first of which is preferred.
  bool learns_pairs() const { return objective != "next_token"; }
  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [[distill.students]]: one student; they are trained one after another.
struct StudentOptions {
  std::string name;
  std::string path;
  double learning_rate = 0.0;
  models::ModelShape shape;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [distill]: teacher ([teacher]) to students. The students' dtype, tokenizer and so on are
/// [model]'s.
struct DistillOptions {
  std::string mode = "logits";
  bool on_policy = false;
  std::int64_t samples_per_prompt = 1;
  std::int64_t epochs = 3;
  std::int64_t steps = 0;
  std::int64_t batch = 4;
  std::int64_t max_length = 4096;
  std::int64_t eval_every = 0;
  bool save_each_epoch = true;
  std::vector<StudentOptions> students;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

}  // namespace r1::config
