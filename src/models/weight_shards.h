#pragma once
// Weights that the ranks with the same part of a model share out (ZeRO 3): a rank keeps a range of
// each parameter, and gathers the weights of a unit (a layer) for the time in which the unit
// computes.
//
// Reference: Rajbhandari et al., ZeRO, arXiv 1910.02054, stage 3; Zhao et al., PyTorch FSDP, arXiv
// 2304.11277.
#include <ATen/core/Tensor.h>

#include <functional>
#include <span>
#include <vector>

#include "models/model.h"
#include "models/split_model.h"
#include "parallel/flat_partition.h"
#include "parallel/role_layout.h"

namespace r1::models {

/// Indices of parameters that the same ranks hold: first the parameters that are no experts, then
/// the experts, if only some replicas hold the same experts. In a group, parameters that no
/// gradient reaches come first.
struct CopiedParameters {
  bool experts;  // held by WeightCopies::experts, else by WeightCopies::all
  std::vector<std::size_t> parameters;
};
std::vector<CopiedParameters> group_by_copies(std::span<const Parameter> parameters,
                                              bool shares_experts);

/// Between uses, the parameters of a unit have shape and dtype but no memory: reading them is an
/// error of the program. Parameters outside units stay whole.
///
/// All ranks of the copies must call need(), release(), hold_all() and release_all() in the same
/// order. Gathered weights must not change; shards may change while nothing is gathered.
class WeightShards {
 public:
  /// Keeps this rank's ranges of the parameters' values, if they have values, and frees the rest.
  /// `parameters` are those of a model; the communicators must outlive this object. Collective
  /// over: none.
  WeightShards(std::span<const Parameter> parameters, const WeightCopies& copies);
  ~WeightShards();
  WeightShards(const WeightShards&) = delete;
  WeightShards& operator=(const WeightShards&) = delete;

  /// Binds the weights of `unit` to their parameters, and starts to gather the units `next`, which
  /// are needed after `unit`. The host does not wait for the device. Collective over: the copies.
  void need(std::int64_t unit, std::initializer_list<std::int64_t> next = {});
  /// Frees the weights of `unit`. Work that the device has not finished still reads them.
  void release(std::int64_t unit);
  void release_all();
  /// Gathers all units until release_all(), for passes that do not come unit by unit (sampling).
  /// Collective over: the copies.
  void hold_all();
  bool holds_all() const { return holds_all_; }

  /// Tells that the backward pass of `unit` and all later units is over on this rank.
  void end_backward(std::int64_t unit);
  /// Called by end_backward() after the weights of the unit were freed.
  void set_backward_listener(std::function<void(std::int64_t unit)> listener) {
    listener_ = std::move(listener);
  }

  /// The ranges that this rank keeps, ordered by parameter; views of the shards. Parameters outside
  /// units are whole ranges.
  const std::vector<FlatRange>& ranges() const { return ranges_; }
  /// Whether the ranks keep different parts of a parameter.
  bool shares_out(std::size_t parameter) const { return is_shared_[parameter]; }
  /// The kept part of elements [begin, begin + size) of a parameter. Throws: InternalError if this
  /// rank does not keep all of them.
  at::Tensor kept(std::size_t parameter, std::int64_t begin, std::int64_t size) const;
  /// Sets the weights of a parameter from the whole parameter. Collective over: none.
  void set(std::size_t parameter, const at::Tensor& values);

  /// The ranks that must make the same passes.
  parallel::Communicator& ranks() const { return *copies_.all; }
  /// The unit of a parameter. Throws: InternalError if the model has no such parameter.
  std::int64_t unit_of(const at::Tensor& parameter) const;
  /// Bytes of weights received from other ranks so far.
  std::int64_t bytes_received() const { return bytes_received_; }

 private:
  struct Group {
    parallel::Communicator* ranks;
    std::vector<std::size_t> parameters;
    parallel::FlatPartition partition;
  };
  /// A bucket of a unit: this rank's part, and while the unit is gathered the whole.
  struct Piece {
    const Group* group;
    const parallel::FlatBucket* bucket;
    at::Tensor shard, whole;
    parallel::Work work;
  };
  struct Unit {
    std::vector<Piece> pieces;
    bool bound = false;
  };
  void add_group(parallel::Communicator& ranks, std::vector<std::size_t> parameters);
  void keep_own_part(Piece& piece);
  void start(Unit& unit);
  void bind(Unit& unit);
  void free(Unit& unit);

  std::vector<Parameter> parameters_;
  WeightCopies copies_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<Unit> units_;  // by number
  std::vector<FlatRange> ranges_;
  std::vector<bool> is_shared_;  // by parameter
  std::function<void(std::int64_t)> listener_;
  bool holds_all_ = false;
  std::int64_t bytes_received_ = 0;
};

/// Weights of units of models that this thread makes while an object lives have no memory, so that
/// no rank ever holds the whole model: share_out_weights() must follow, and WeightShards::set()
/// fills the shards.
class ModelsWithoutMemory {
 public:
  ModelsWithoutMemory();
  ~ModelsWithoutMemory();
  ModelsWithoutMemory(const ModelsWithoutMemory&) = delete;
  ModelsWithoutMemory& operator=(const ModelsWithoutMemory&) = delete;

  static bool active();
};
/// Frees the memory of a parameter, which keeps its shape, dtype and device.
void free_memory(const at::Tensor& parameter);

/// The ranges of all parameters that this rank holds, ordered by parameter: whole parameters, or
/// WeightShards::ranges().
std::vector<FlatRange> held_ranges(const Model& model);

/// Holds all weights of a model while an object lives (WeightShards::hold_all). Does nothing if
/// the weights are not shared out. Collective over: the copies.
class AllWeights {
 public:
  explicit AllWeights(const Model& model);
  ~AllWeights();
  AllWeights(const AllWeights&) = delete;
  AllWeights& operator=(const AllWeights&) = delete;

 private:
  WeightShards* shards_;
};

/// What WeightShards of another rank keeps. `parameters`: that rank's parameters, which need no
/// memory (device meta), and neither have the values of the ranges. `place`: that rank's places in
/// its WeightCopies.
struct CopyPlace {
  int all, num_all;
  int experts, num_experts;
};
/// `rank`: in the role.
CopyPlace copy_place(const parallel::RoleAssignment& role, int rank);
std::vector<FlatRange> shards_of(std::span<const Parameter> parameters, const CopyPlace& place);

}  // namespace r1::models
