#include "checkpoint/agree.h"

#include <ATen/ATen.h>

#include <cstring>

#include "checkpoint/errors.h"

namespace r1::checkpoint {
namespace {

enum Kind : int { NoSpace = 0, Input = 1, Other = 2 };

// What travels: kind, exit code, text.
struct Failure {
  int kind = Other;
  int exit_code = static_cast<int>(base::ExitCode::Failure);
  std::string text;
};

Failure describe_current_exception() {
  try {
    throw;
  } catch (const NoSpaceError& error) {
    return {NoSpace, static_cast<int>(error.exit_code()), error.what()};
  } catch (const base::InputError& error) {
    return {Input, static_cast<int>(error.exit_code()), error.what()};
  } catch (const base::Error& error) {
    return {Other, static_cast<int>(error.exit_code()), error.what()};
  } catch (const std::exception& error) {
    return {Other, static_cast<int>(base::ExitCode::Failure), error.what()};
  }
}

[[noreturn]] void rethrow(const std::string& bytes, int rank, int size) {
  const auto text = (size == 1 ? std::string() : fmt::format("rank {}: ", rank)) + bytes.substr(2);
  if (bytes[0] == NoSpace) throw NoSpaceError(text);
  if (bytes[0] == Input) throw base::InputError(text);
  throw base::Error(text, static_cast<base::ExitCode>(bytes[1]));
}

at::Tensor to_tensor(const std::string& bytes) {
  auto tensor = at::empty({static_cast<std::int64_t>(bytes.size())}, at::kByte);
  std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

std::string to_string(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

}  // namespace

void all_or_none(parallel::Communicator& communicator, const char* label,
                 const std::function<void()>& work) {
  Failure mine;
  bool failed = false;
  try {
    work();
  } catch (...) {
    failed = true;
    mine = describe_current_exception();
  }
  const int size = communicator.size();
  auto first = at::full({1}, failed ? communicator.rank() : size, at::kLong);
  communicator.all_reduce(first, parallel::ReduceOp::Min, label).wait();
  const auto rank = static_cast<int>(first.item<std::int64_t>());
  if (rank == size) return;
  const std::string bytes =
      std::string{static_cast<char>(mine.kind), static_cast<char>(mine.exit_code)} + mine.text;
  rethrow(broadcast_bytes(communicator, bytes, rank, label), rank, size);
}

std::vector<std::string> gather_bytes(parallel::Communicator& communicator,
                                      const std::string& bytes, const char* label) {
  const int size = communicator.size();
  auto lengths = at::zeros({size}, at::kLong);
  const auto mine = at::full({1}, static_cast<std::int64_t>(bytes.size()), at::kLong);
  communicator.all_gather(lengths, mine, label).wait();
  if (communicator.rank() != 0) {
    if (!bytes.empty()) communicator.send(to_tensor(bytes), 0, label).wait();
    return {};
  }
  std::vector<std::string> all{bytes};
  for (int rank = 1; rank < size; ++rank) {
    auto tensor = at::empty({lengths[rank].item<std::int64_t>()}, at::kByte);
    if (tensor.numel() > 0) communicator.receive(tensor, rank, label).wait();
    all.push_back(to_string(tensor));
  }
  return all;
}

std::string broadcast_bytes(parallel::Communicator& communicator, const std::string& bytes,
                            int root, const char* label) {
  auto length = at::full({1}, static_cast<std::int64_t>(bytes.size()), at::kLong);
  communicator.broadcast(length, root, label).wait();
  auto tensor = communicator.rank() == root ? to_tensor(bytes)
                                            : at::empty({length.item<std::int64_t>()}, at::kByte);
  if (tensor.numel() > 0) communicator.broadcast(tensor, root, label).wait();
  return to_string(tensor);
}

}  // namespace r1::checkpoint
