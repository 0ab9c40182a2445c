#pragma once
// Ranks that succeed or fail together, and byte strings between them.
//
// The communicator must carry CPU tensors of uint8 and int64.
#include <functional>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace r1::checkpoint {

/// Runs `work` here; when it threw on any rank, every rank throws the error of the lowest such
/// rank ("rank 3: …"), as base::FileError, base::InputError or base::Error with its exit code.
/// Collective over `communicator`; `work` itself must not communicate.
void all_or_none(parallel::Communicator& communicator, const char* label,
                 const std::function<void()>& work);

/// Every rank's bytes on rank 0, in rank order; an empty list elsewhere. They come along a binary
/// tree, so that no rank has more than log2(ranks) senders. Collective.
std::vector<std::string> gather_bytes(parallel::Communicator& communicator,
                                      const std::string& bytes, const char* label);

/// The bytes of `root` on all ranks. Collective.
std::string broadcast_bytes(parallel::Communicator& communicator, const std::string& bytes,
                            int root, const char* label);

}  // namespace r1::checkpoint
