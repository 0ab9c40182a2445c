#pragma once
// How the tokens of a flat batch are split over the ranks of the context axis. Pure arithmetic with
// the same result on every rank.
//
// The batch is cut into 2 R chunks of equal length. Rank r holds the chunks r and 2 R - 1 - r: a
// token late in a sequence attends to more keys than an early token, so that an early and a late
// chunk together cost each rank the same. Reference: Llama Team, arXiv 2407.21783, section 3.3.2.
#include <cstdint>
#include <vector>

namespace r1::parallel {

class ContextSplit {
 public:
  /// `num_tokens` at least 1.
  ContextSplit(std::int64_t num_tokens, int num_ranks);

  /// Tokens [begin, end) of the batch that stand one behind another on a rank.
  struct Chunk {
    std::int64_t begin = 0, end = 0;
  };

  int num_ranks() const { return num_ranks_; }
  /// Rows that each rank computes: its tokens, and padding where the batch has too few.
  std::int64_t rows_per_rank() const { return 2 * chunk_; }
  /// The two chunks of a rank. The chunk c occupies the rank's rows from c * rows_per_rank() / 2.
  std::vector<Chunk> chunks(int rank) const;
  /// The token in each row of a rank; -1: padding.
  std::vector<std::int64_t> tokens(int rank) const;
  /// Where a token stands in the rows of all ranks, one rank's rows behind another's.
  std::int64_t place(std::int64_t token) const;

 private:
  std::int64_t num_tokens_;
  std::int64_t num_ranks_;
  std::int64_t chunk_;  // tokens of a chunk, padding counted
};

}  // namespace r1::parallel
