#pragma once
// What is wrong with the arguments of a communicator's call: one set of rules for MPI and NCCL.
// Each function returns the problem as text; empty: none.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>

namespace r1::mpi {

std::string tensor_problem(const at::Tensor& tensor);
std::string peer_problem(int peer, int size);
/// `whole` must be `size` times `piece`.
std::string pieces_problem(const at::Tensor& whole, const at::Tensor& piece, int size);
std::string reduction_problem(at::ScalarType dtype);
/// Splits count rows (dim 0) by peer; rows of input and output must be equally long.
std::string exchange_problem(const at::Tensor& output, const at::Tensor& input,
                             std::span<const std::int64_t> output_splits,
                             std::span<const std::int64_t> input_splits, int size);

/// Rows of dim 0; a scalar is one row.
std::int64_t num_rows(const at::Tensor& tensor);
/// Bytes of one row; 0 when there is none.
std::int64_t row_bytes(const at::Tensor& tensor);

}  // namespace r1::mpi
