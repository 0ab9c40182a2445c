#pragma once
// Reward parts that a model scores: the text that the model reads, and the conversion of the
// model's score to a part. The models run elsewhere (model_judge.h); this file is free of torch.
#include <memory>
#include <string>
#include <string_view>

#include "rewards/reward.h"
#include "rewards/sections.h"

namespace r1::rewards {

/// The part of a scoring model, whose score stands in RewardInput::model_scores under its name. A
/// preference becomes sigmoid((score - offset) / scale). A safety is a part as it is;
/// "NAME.non_latin" says whether most letters are not Latin.
std::unique_ptr<Reward> make_judged(const ScoringModelOptions& model, const TagOptions& tags);

/// The text that a model reads: "all" is the whole completion. "answer" is the last answer block,
/// else the text after the thinking part; the result is empty if the thinking part is not closed.
/// R1's helpfulness model reads only the final summary (arXiv 2501.12948, section 2.3.4).
std::string seen_text(const std::string& completion, const std::string& sees,
                      const TagOptions& tags);

/// Whether most letters are not Latin, so that an English classifier cannot judge the text.
bool is_mostly_non_latin(std::string_view text);

}  // namespace r1::rewards
