#include "mpi/call_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

std::string splits_problem(const at::Tensor& tensor, std::span<const std::int64_t> splits, int size,
                           const char* what) {
  if (auto problem = tensor_problem(tensor); !problem.empty()) return problem;
  const auto sum = std::accumulate(splits.begin(), splits.end(), std::int64_t{0});
  const bool negative = std::any_of(splits.begin(), splits.end(), [](auto n) { return n < 0; });
  if (static_cast<int>(splits.size()) == size && sum == num_rows(tensor) && !negative) return {};
  return fmt::format("{}: expected {} splits that sum to {} rows, found {} that sum to {}", what,
                     size, num_rows(tensor), splits.size(), sum);
}

}  // namespace

std::string tensor_problem(const at::Tensor& tensor) {
  if (!tensor.defined()) return "the tensor is undefined";
  if (!tensor.is_contiguous()) return "the tensor is not contiguous";
  return {};
}

std::string peer_problem(int peer, int size) {
  if (peer >= 0 && peer < size) return {};
  return fmt::format("expected a rank of 0..{}, found {}", size - 1, peer);
}

std::string pieces_problem(const at::Tensor& whole, const at::Tensor& piece, int size) {
  if (auto problem = tensor_problem(whole); !problem.empty()) return problem;
  if (auto problem = tensor_problem(piece); !problem.empty()) return problem;
  if (whole.scalar_type() == piece.scalar_type() && whole.numel() == piece.numel() * size)
    return {};
  return fmt::format("expected {} pieces of {} {}, found {} {}", size, piece.numel(),
                     tensor::dtype_name(piece.scalar_type()), whole.numel(),
                     tensor::dtype_name(whole.scalar_type()));
}

std::string reduction_problem(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
    case at::kFloat:
    case at::kBFloat16:
    case at::kInt:
    case at::kLong:
    case at::kByte:
      return {};
    default:
      return fmt::format("cannot reduce {}: expected fp64, fp32, bf16, int32, int64 or uint8",
                         tensor::dtype_name(dtype));
  }
}

std::string exchange_problem(const at::Tensor& output, const at::Tensor& input,
                             std::span<const std::int64_t> output_splits,
                             std::span<const std::int64_t> input_splits, int size) {
  if (auto problem = splits_problem(output, output_splits, size, "output"); !problem.empty())
    return problem;
  if (auto problem = splits_problem(input, input_splits, size, "input"); !problem.empty())
    return problem;
  // A tensor without rows does not know how long a row is; it moves none.
  if (input.numel() > 0 && output.numel() > 0 && row_bytes(input) != row_bytes(output))
    return fmt::format("expected equal rows, found {} and {} bytes", row_bytes(input),
                       row_bytes(output));
  return {};
}

std::int64_t num_rows(const at::Tensor& tensor) {
  return tensor.dim() == 0 ? 1 : tensor.size(0);
}

std::int64_t row_bytes(const at::Tensor& tensor) {
  const auto rows = num_rows(tensor);
  return rows == 0 ? 0 : static_cast<std::int64_t>(tensor.nbytes()) / rows;
}

}  // namespace r1::mpi
