#include "parallel/context_split.h"

#include <algorithm>

#include "base/errors.h"

namespace r1::parallel {

ContextSplit::ContextSplit(std::int64_t num_tokens, int num_ranks)
    : num_tokens_(num_tokens),
      num_ranks_(num_ranks),
      chunk_((num_tokens + 2 * num_ranks - 1) / (2 * num_ranks)) {
  R1_CHECK(num_tokens > 0 && num_ranks > 0, "{} tokens over {} ranks", num_tokens, num_ranks);
}

std::vector<ContextSplit::Chunk> ContextSplit::chunks(int rank) const {
  std::vector<Chunk> chunks;
  for (const std::int64_t number : {std::int64_t{rank}, 2 * num_ranks_ - 1 - rank})
    chunks.push_back(
        {std::min(number * chunk_, num_tokens_), std::min((number + 1) * chunk_, num_tokens_)});
  return chunks;
}

std::vector<std::int64_t> ContextSplit::tokens(int rank) const {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(rows_per_rank()), -1);
  auto row = tokens.begin();
  for (const auto& chunk : chunks(rank)) {
    for (auto token = chunk.begin; token < chunk.end; ++token) row[token - chunk.begin] = token;
    row += chunk_;
  }
  return tokens;
}

std::int64_t ContextSplit::place(std::int64_t token) const {
  const auto number = token / chunk_;
  const bool is_late = number >= num_ranks_;
  const auto rank = is_late ? 2 * num_ranks_ - 1 - number : number;
  return rank * rows_per_rank() + (is_late ? chunk_ : 0) + token % chunk_;
}

}  // namespace r1::parallel
