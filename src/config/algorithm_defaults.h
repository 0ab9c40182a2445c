#pragma once
// Defaults that follow the algorithm: what [advantage] kind chooses, before the file's other keys
// are read.
#include <string>

#include "config/config.h"

namespace r1::config {

/// kind = "gae" (PPO) leaves the guide's numbers. The others, which know no value head, get those
/// of GRPO: one epoch over the whole step, 32 prompts x 16 samples, the KL term in the loss (k3,
/// 0.001), no entropy bonus, the mean over sequences. Reference: DeepSeek-R1, arXiv 2501.12948 v2,
/// A.3 (32 x 16, KL 0.001); DeepSeekMath, arXiv 2402.03300, equation 3 (no entropy term, mean over
/// sequences) and 4 (k3). reinforce_plus_plus compares no samples of a prompt: as many samples of
/// 512 prompts, the KL term in the reward (k1, 0.01), the mean over tokens. Reference: arXiv
/// 2501.03262, section 3; OpenRLHF (init_kl_coef).
void set_algorithm_defaults(const std::string& advantage_kind, Config& config);

}  // namespace r1::config
