#pragma once
// Device mesh arithmetic: named axes (dp, tp, ep, ...) over the ranks 0..size-1 of a role, without
// communication. The first axis varies slowest, so ranks that differ only in the last axis are
// neighbours. Put tp last, so that tensor-parallel groups stay inside a node.
#include <string>
#include <vector>

namespace r1::parallel {

/// An axis of a mesh. In a request, size -1 means the ranks that the other axes leave; at most one
/// axis may have size -1.
struct Axis {
  std::string name;
  int size = 1;
};

class Mesh {
 public:
  /// A mesh without axes: one rank.
  Mesh() = default;
  /// Sizes must be positive; names must be distinct and not empty. Throws: ConfigError.
  explicit Mesh(std::vector<Axis> axes);
  /// Sets the size of the axis with size -1 so that the mesh has exactly `num_ranks` ranks. Without
  /// axes the mesh gets one axis "dp". `key` names the option in errors. Throws: ConfigError naming
  /// key, the expected and the found value.
  static Mesh fit(std::vector<Axis> axes, int num_ranks, const std::string& key);

  const std::vector<Axis>& axes() const { return axes_; }
  int size() const { return size_; }
  bool has(const std::string& axis) const;
  /// Size of an axis; 1 if the mesh has no such axis.
  int size(const std::string& axis) const;

  /// One coordinate per axis, in the order of axes().
  std::vector<int> coordinates(int rank) const;
  /// Coordinate of a rank on an axis; 0 if the mesh has no such axis.
  int coordinate(int rank, const std::string& axis) const;
  int rank(const std::vector<int>& coordinates) const;

  /// The ranks that differ from `rank` only in the coordinates of `group_axes`, ascending.
  std::vector<int> group(int rank, const std::vector<std::string>& group_axes) const;
  /// Index of group(rank, group_axes) among the groups of these axes: the colour of a communicator
  /// split.
  int group_index(int rank, const std::vector<std::string>& group_axes) const;

  /// Text for logs: "dp 2 x tp 4".
  std::string describe() const;

 private:
  std::vector<Axis> axes_;
  int size_ = 1;
};

}  // namespace r1::parallel
