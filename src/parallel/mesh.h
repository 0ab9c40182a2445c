#pragma once
// Arithmetic of a mesh: named axes (dp, tp, ep, ...) laid over the ranks 0..size-1 of a role. No
// communication. The first axis varies slowest, so ranks that differ in the last axis are
// neighbours (put tp last: its groups then stay inside a node).
#include <string>
#include <vector>

namespace r1::parallel {

/// An axis of a mesh. size -1 in a request: whatever the other axes leave (at most one such axis).
struct Axis {
  std::string name;
  int size = 1;
};

class Mesh {
 public:
  /// A mesh without axes: one rank.
  Mesh() = default;
  /// Sizes must be positive, names distinct and not empty. Throws: ConfigError.
  explicit Mesh(std::vector<Axis> axes);
  /// Fills the axis of size -1 so that the mesh has exactly `num_ranks` ranks; no axes at all: one
  /// axis "dp". `key` names the option in errors. Throws: ConfigError naming key, expected, found.
  static Mesh fit(std::vector<Axis> axes, int num_ranks, const std::string& key);

  const std::vector<Axis>& axes() const { return axes_; }
  int size() const { return size_; }
  bool has(const std::string& axis) const;
  /// Size of an axis; 1 when the mesh has no such axis.
  int size(const std::string& axis) const;

  /// One coordinate per axis, in the order of axes().
  std::vector<int> coordinates(int rank) const;
  /// 0 when the mesh has no such axis.
  int coordinate(int rank, const std::string& axis) const;
  int rank(const std::vector<int>& coordinates) const;

  /// The ranks that differ from `rank` in nothing but the coordinates of `group_axes`, ascending.
  std::vector<int> group(int rank, const std::vector<std::string>& group_axes) const;
  /// Number of that group among the groups of these axes (the colour of a communicator split).
  int group_index(int rank, const std::vector<std::string>& group_axes) const;

  /// "dp 2 x tp 4".
  std::string describe() const;

 private:
  std::vector<Axis> axes_;
  int size_ = 1;
};

}  // namespace r1::parallel
