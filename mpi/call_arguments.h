#pragma once
// Checks of the arguments of a communicator's call, shared by MPI and NCCL. Each function returns
// the problem as text, or an empty text.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>

namespace r1::mpi {

std::string tensor_problem(const at::Tensor& tensor);
std::string peer_problem(int peer, int size);
/// `whole` must be `size` times as long as `piece`.
std::string pieces_problem(const at::Tensor& whole, const at::Tensor& piece, int size);
std::string reduction_problem(at::ScalarType dtype);
/// The splits are numbers of rows (dim 0) per peer; rows of input and output must have equal size.
std::string exchange_problem(const at::Tensor& output, const at::Tensor& input,
                             std::span<const std::int64_t> output_splits,
                             std::span<const std::int64_t> input_splits, int size);

/// Number of rows (dim 0); a scalar is one row.
std::int64_t num_rows(const at::Tensor& tensor);
/// Bytes per row; 0 if there is no row.
std::int64_t row_bytes(const at::Tensor& tensor);

}  // namespace r1::mpi
