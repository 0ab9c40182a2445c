#pragma once
// Gradients of a step, summed over micro-batches, and reduced over data-parallel ranks in buckets
// while the backward pass runs.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/flat_partition.h"

namespace r1::parallel {

/// The part of the summed gradients that a rank keeps. Reference: Rajbhandari et al., arXiv
/// 1910.02054, stages of ZeRO.
enum class GradientSharding {
  None,  // the whole sum
  // The owned part. The rank's micro-batches are summed in a buffer of the whole model before the
  // reduction.
  AfterReduction,
  // The owned part. Each micro-batch is reduced, so no buffer of the whole model is needed.
  Always
};

struct GradientBucketOptions {
  at::ScalarType dtype;       // dtype of sums and reductions
  std::int64_t bucket_bytes;  // size of one reduction
  GradientSharding sharding = GradientSharding::None;
};

/// Parameters whose gradients are summed over the same ranks.
struct GradientGroup {
  Communicator* ranks;
  std::vector<at::Tensor> parameters;  // require gradients, contiguous, keep their storage
  /// For each parameter, ascending: the index in the order of all groups' parameters. The backward
  /// pass reaches high indices first.
  std::vector<std::size_t> places;
  /// The unit of each parameter (flat_partition.h). Empty: buckets have options.bucket_bytes, and a
  /// bucket is launched when its gradients are complete. Else a bucket holds the parameters of one
  /// unit, and launch_through() launches it. All groups have units, or none has.
  std::vector<std::int64_t> units = {};
};

///   buckets.start();
///   for each micro-batch: { buckets.begin_pass(last); loss.backward(); buckets.end_pass(); }
///   buckets.launch();                       // launches the remaining buckets
///   …                                       // other collectives of the same communicators
///   buckets.finish();                       // owned() now holds the sums over all ranks
///
/// Gradient hooks mark parameters as ready. The thread that runs the backward pass launches the
/// buckets of all groups in one fixed order (last parameters first); the thread that called
/// loss.backward() waits for this thread. Parameters that a pass did not use contribute zeros. A
/// rank without any micro-batch takes part. Ranks launch different numbers of buckets during the
/// backward pass, so every rank must call launch() before any other collective. With
/// GradientSharding::Always all ranks must make the same number of passes (a pass may lack
/// loss.backward()), and no other collective of these ranks may occur inside a pass.
class GradientBuckets {
 public:
  /// The communicators must outlive this object.
  GradientBuckets(std::vector<GradientGroup> groups, const GradientBucketOptions& options);
  ~GradientBuckets();
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;

  void start();
  /// `last`: this rank makes no further pass in the step.
  void begin_pass(bool last);
  /// Collective over: the groups' ranks, with GradientSharding::Always.
  void end_pass();
  /// Launches the buckets of `unit` and of all later units; their gradients of this pass are
  /// complete. Call during a backward pass, at the same places on all ranks. Parameters outside
  /// units have gradients before the units that are launched first. Collective over: the groups'
  /// ranks.
  void launch_through(std::int64_t unit);
  /// Call after the last pass. Collective over: the groups' ranks.
  void launch();
  /// Waits for the sums.
  void finish();

  /// The ranges of a group's parameters that this rank owns, with their offsets in owned().
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
    at::Tensor flat;                     // all parameters; undefined if each pass is reduced
    std::vector<char> touched;           // parameters that have a gradient already
    std::vector<std::size_t> launch_of;  // index in launches_, by bucket
  };
  struct Launch {
    std::size_t group;
    std::size_t bucket;
    std::size_t num_ready = 0;  // parameters with a complete gradient in this pass
    at::Tensor buffer = {};     // if each pass is reduced; undefined before the first gradient
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
  void launch_next();
  void reduce(std::size_t number);
  void finish_oldest();

  std::vector<Group> groups_;
  std::vector<Launch> launches_;      // all buckets of all groups, in launch order
  std::deque<Reduction> reductions_;  // in flight
  std::size_t next_launch_ = 0;
  bool by_units_ = false;
  bool reducing_ = false;
};

}  // namespace r1::parallel
