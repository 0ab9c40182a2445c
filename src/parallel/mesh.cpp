#include "parallel/mesh.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/errors.h"

namespace r1::parallel {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string join(const std::vector<Axis>& axes) {
  std::string text;
  for (const auto& axis : axes)
    text += fmt::format("{}{} {}", text.empty() ? "" : " x ", axis.name,
                        axis.size == -1 ? "auto" : std::to_string(axis.size));
  return text;
}

}  // namespace

Mesh::Mesh(std::vector<Axis> axes) : axes_(std::move(axes)) {
  std::int64_t size = 1;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    const auto& axis = axes_[i];
    if (axis.name.empty()) throw base::ConfigError("mesh: an axis has no name");
    if (axis.size < 1)
      throw base::ConfigError(fmt::format(
          "mesh: axis '{}': expected a size of at least 1, found {}", axis.name, axis.size));
    for (std::size_t j = 0; j < i; ++j)
      if (axes_[j].name == axis.name)
        throw base::ConfigError(fmt::format("mesh: axis '{}' is named twice", axis.name));
    size *= axis.size;
    if (size > std::numeric_limits<int>::max())
      throw base::ConfigError(fmt::format("mesh: {} has too many ranks", join(axes_)));
  }
  size_ = static_cast<int>(size);
}

Mesh Mesh::fit(std::vector<Axis> axes, int num_ranks, const std::string& key) {
  if (axes.empty()) axes.push_back({"dp", -1});
  Axis* open = nullptr;
  std::int64_t known = 1;
  for (auto& axis : axes) {
    if (axis.size == -1 && open == nullptr) {
      open = &axis;
    } else if (axis.size < 1) {
      throw base::ConfigError(fmt::format(
          "{}: axis '{}': expected a size of at least 1 (-1 = auto for one axis), found {}", key,
          axis.name, axis.size));
    } else {
      known = std::min<std::int64_t>(known * axis.size, std::numeric_limits<int>::max());
    }
  }
  const bool fits = open != nullptr ? num_ranks % known == 0 && num_ranks >= known
                                    : num_ranks == static_cast<int>(known);
  if (!fits)
    throw base::ConfigError(fmt::format("{}: mesh {} needs {}{} ranks, found {}", key, join(axes),
                                        open != nullptr ? "a multiple of " : "", known, num_ranks));
  if (open != nullptr) open->size = num_ranks / static_cast<int>(known);
  return Mesh(std::move(axes));
}

bool Mesh::has(const std::string& axis) const {
  return std::any_of(axes_.begin(), axes_.end(), [&](const Axis& a) { return a.name == axis; });
}

int Mesh::size(const std::string& axis) const {
  for (const auto& a : axes_)
    if (a.name == axis) return a.size;
  return 1;
}

std::vector<int> Mesh::coordinates(int rank) const {
  R1_CHECK(rank >= 0 && rank < size_, "rank {} of a mesh of {}", rank, size_);
  std::vector<int> result(axes_.size());
  for (std::size_t i = axes_.size(); i-- > 0;) {
    result[i] = rank % axes_[i].size;
    rank /= axes_[i].size;
  }
  return result;
}

int Mesh::coordinate(int rank, const std::string& axis) const {
  const auto all = coordinates(rank);
  for (std::size_t i = 0; i < axes_.size(); ++i)
    if (axes_[i].name == axis) return all[i];
  return 0;
}

int Mesh::rank(const std::vector<int>& coordinates) const {
  R1_CHECK(coordinates.size() == axes_.size(), "{} coordinates for {} axes", coordinates.size(),
           axes_.size());
  int result = 0;
  for (std::size_t i = 0; i < axes_.size(); ++i) {
    R1_CHECK(coordinates[i] >= 0 && coordinates[i] < axes_[i].size, "coordinate {} of axis {} {}",
             coordinates[i], axes_[i].name, axes_[i].size);
    result = result * axes_[i].size + coordinates[i];
  }
  return result;
}

std::vector<int> Mesh::group(int rank, const std::vector<std::string>& group_axes) const {
  const auto position = coordinates(rank);
  std::vector<int> stride(axes_.size(), 1);
  for (std::size_t i = axes_.size(); i-- > 1;) stride[i - 1] = stride[i] * axes_[i].size;
  // Only the members are made: groups of all ranks together cost their number, not its square.
  std::vector<int> members{0};
  for (std::size_t i = 0; i < axes_.size(); ++i) {  // the slowest axis first: ascending
    const bool varies = contains(group_axes, axes_[i].name);
    const int first = varies ? 0 : position[i], last = varies ? axes_[i].size - 1 : position[i];
    std::vector<int> longer;
    longer.reserve(members.size() * static_cast<std::size_t>(last - first + 1));
    for (const int member : members)
      for (int along = first; along <= last; ++along) longer.push_back(member + along * stride[i]);
    members = std::move(longer);
  }
  return members;
}

int Mesh::group_index(int rank, const std::vector<std::string>& group_axes) const {
  const auto position = coordinates(rank);
  int index = 0;
  for (std::size_t i = 0; i < axes_.size(); ++i)
    if (!contains(group_axes, axes_[i].name)) index = index * axes_[i].size + position[i];
  return index;
}

std::string Mesh::describe() const {
  return axes_.empty() ? "1 rank" : join(axes_);
}

}  // namespace r1::parallel
