#pragma once
// Gradients of a step, summed over micro-batches and reduced over data-parallel ranks in buckets
// while backward still runs.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/flat_partition.h"

namespace r1::parallel {

/// What a rank keeps of the gradients' sum over all ranks. Reference: Rajbhandari et al., arXiv
/// 1910.02054, stages of ZeRO.
enum class GradientSharding {
  None,            // all of it
  AfterReduction,  // what it owns; its own micro-batches are summed in a buffer of the whole model
  Always           // what it owns; each micro-batch is reduced, so that no such buffer is needed
};

struct GradientBucketOptions {
  at::ScalarType dtype;       // of sums and reductions
  std::int64_t bucket_bytes;  // reduced in one call
  GradientSharding sharding = GradientSharding::None;
};

/// Parameters whose gradients are summed over the same ranks.
struct GradientGroup {
  Communicator* ranks;
  std::vector<at::Tensor> parameters;  // require gradients, contiguous, keep their storage
  /// Of each parameter, ascending: its place among those of all groups. Backward reaches high ones
  /// first.
  std::vector<std::size_t> places;
};

///   buckets.start();
///   for each micro-batch: { buckets.begin_pass(last); loss.backward(); buckets.end_pass(); }
///   buckets.launch();                       // whatever backward has not launched
///   …                                       // other collectives of the same communicators
///   buckets.finish();                       // owned() now holds the sums over all ranks
///
/// Rules kept: hooks mark parameters ready; buckets of all groups are launched in one fixed order
/// (last parameters first) by the thread that runs backward, which the thread that called it waits
/// for; parameters that a pass did not use contribute zeros; a rank without any micro-batch takes
/// part. Ranks launch different numbers of buckets during backward, so all must have launched the
/// rest before any other collective. With GradientSharding::Always all ranks make equally many
/// passes (an empty one has no backward) and no other collective of these ranks stands in one.
class GradientBuckets {
 public:
  /// The communicators outlive it.
  GradientBuckets(std::vector<GradientGroup> groups, const GradientBucketOptions& options);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  void start();
  /// `last`: no other pass of this rank follows in the step.
  void begin_pass(bool last);
  /// Collective over: the groups' ranks, with GradientSharding::Always.
  void end_pass();
  /// After the last pass. Collective over: the groups' ranks.
  void launch();
  /// Waits for the sums.
  void finish();

  /// Of a group's parameters: what this rank owns of them, and where that is in owned().
  const FlatPartition& partition(std::size_t group) const { return groups_[group].partition; }
  /// [partition().owned_size()], in the dtype of the sums.
  at::Tensor owned(std::size_t group) const { return groups_[group].owned; }
  /// Called by a parameter's hook when its gradient of this micro-batch is complete.
  void accumulate(std::size_t group, std::size_t parameter, at::Tensor& gradient);

 private:
  struct Group : GradientGroup {
    Group(GradientGroup given, const GradientBucketOptions& options);
    bool is_reduced() const { return ranks->size() > 1; }
    bool reduces_each_pass() const { return sharding == GradientSharding::Always; }

    GradientSharding sharding;
    FlatPartition partition;
    at::Tensor owned;
    at::Tensor flat;                     // of all parameters; undefined when each pass is reduced
    std::vector<char> touched;           // parameters that have a gradient already
    std::vector<std::size_t> launch_of;  // by bucket: its number in launches_
  };
  struct Launch {
    std::size_t group;
    std::size_t bucket;
    std::size_t num_ready = 0;  // parameters complete in this pass
    at::Tensor buffer = {};     // when each pass is reduced; undefined before the first gradient
  };
  struct Reduction {
    std::size_t launch;
    at::Tensor buffer, part;
    Work work;
  };
  void order_launches();
  at::Tensor bucket_buffer(Launch& launch);
  at::Tensor gradient(Group& group, std::size_t parameter);
  void forget_pass();
  void launch_ready(bool all);
  void reduce(std::size_t number);
  void finish_oldest();

  std::vector<Group> groups_;
  std::vector<Launch> launches_;      // all buckets of all groups, in the order of their launch
  std::deque<Reduction> reductions_;  // under way
  std::size_t next_launch_ = 0;
  bool reducing_ = false;
};

}  // namespace r1::parallel
