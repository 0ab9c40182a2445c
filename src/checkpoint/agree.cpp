#include "checkpoint/agree.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "base/files.h"

namespace r1::checkpoint {
namespace {

enum Kind : int { File = 0, Input = 1, Other = 2 };

// What travels: kind, exit code, text.
struct Failure {
  int kind = Other;
  int exit_code = static_cast<int>(base::ExitCode::Failure);
  std::string text;
};

Failure describe_current_exception() {
  try {
    throw;
  } catch (const base::FileError& error) {
    return {File, static_cast<int>(error.exit_code()), error.what()};
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
  if (bytes[0] == File) throw base::FileError(text);
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

// Their lengths, then all of them in one message.
void send_parts(parallel::Communicator& communicator, const std::vector<std::string>& parts,
                int target, const char* label) {
  std::vector<std::int64_t> lengths;
  std::string joined;
  for (const auto& part : parts) {
    lengths.push_back(static_cast<std::int64_t>(part.size()));
    joined += part;
  }
  communicator.send(at::tensor(lengths, at::kLong), target, label).wait();
  if (!joined.empty()) communicator.send(to_tensor(joined), target, label).wait();
}

void receive_parts(parallel::Communicator& communicator, std::vector<std::string>& parts,
                   std::int64_t count, int source, const char* label) {
  auto lengths = at::empty({count}, at::kLong);
  communicator.receive(lengths, source, label).wait();
  auto joined = at::empty({lengths.sum().item<std::int64_t>()}, at::kByte);
  if (joined.numel() > 0) communicator.receive(joined, source, label).wait();
  const auto text = to_string(joined);
  std::size_t begin = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    parts.push_back(text.substr(begin, static_cast<std::size_t>(lengths[i].item<std::int64_t>())));
    begin += parts.back().size();
  }
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
  const int size = communicator.size(), rank = communicator.rank();
  std::vector<std::string> parts{bytes};  // of the ranks from this one on
  for (int span = 1; span < size; span *= 2) {
    if ((rank & span) != 0) {
      send_parts(communicator, parts, rank - span, label);
      return {};
    }
    if (rank + span < size)
      receive_parts(communicator, parts, std::min(span, size - rank - span), rank + span, label);
  }
  return parts;
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
