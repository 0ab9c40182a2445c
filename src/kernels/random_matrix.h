#pragma once
// Normal numbers of a box of a matrix, each a function of a seed and of its place in the whole
// matrix: however a matrix is split over ranks, its numbers are the same.
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace r1::kernels {

/// The box [first_row, ...) x [first_column, ...) of a matrix of `whole_columns` columns.
struct RandomBox {
  std::uint64_t seed = 0;
  double standard_deviation = 1.0;
  std::int64_t first_row = 0;
  std::int64_t first_column = 0;
  std::int64_t whole_columns = 0;
};

/// Writes standard_deviation * base::normal(seed, row * whole_columns + column) of the places of
/// the box into `out` [R, C] of any floating dtype. The numbers are computed in fp64: on GPUs in
/// fp32 and bf16 by a kernel, whose fp64 functions differ from the CPU's in the last bits; else on
/// the CPU.
void fill_normal(at::Tensor out, const RandomBox& box);

/// The plain form: computes on the CPU.
void fill_normal_reference(at::Tensor out, const RandomBox& box);

}  // namespace r1::kernels
