#include "checkpoint/snapshot.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <emmintrin.h>

#include <algorithm>
#include <cstring>

#include "base/errors.h"
#include "checkpoint/box.h"
#include "checkpoint/file_dtype.h"
#include "checkpoint/shard_format.h"

namespace r1::checkpoint {
namespace {

constexpr std::size_t kAlignment = 64;

void check_tensor(const ShardedTensor& tensor) {
  check_object_name(tensor.name);
  file_dtype_name(tensor.dtype, tensor.name);
  R1_CHECK(volume(tensor.shape) > 0, "tensor '{}' has no elements", tensor.name);
  for (const auto& local : tensor.boxes)
    R1_CHECK(local.view.scalar_type() == tensor.dtype && local.view.sizes() == local.box.extent,
             "tensor '{}': a view does not fit its box {}", tensor.name, to_string(local.box));
}

template <class Visit>
void visit_written_boxes(const State& state, const Visit& visit) {
  for (std::size_t i = 0; i < state.tensors.size(); ++i)
    if (state.tensors[i].replica == 0)
      for (const auto& local : state.tensors[i].boxes)
        if (volume(local.box.extent) > 0) visit(i, local);
}

/// The copy is next read by the disk: its lines need not be read from memory before they are
/// written, nor push others out of the caches. `target` is on a border of 16 bytes.
void stream_copy(char* target, const char* source, std::size_t bytes) {
  for (; bytes >= 64; target += 64, source += 64, bytes -= 64)
    for (std::size_t i = 0; i < 64; i += 16)
      _mm_stream_si128(reinterpret_cast<__m128i*>(target + i),
                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i)));
  _mm_sfence();
  std::memcpy(target, source, bytes);
}

void copy_to_host(const at::Tensor& target, const at::Tensor& source) {
  if (!source.is_cpu() || !source.is_contiguous()) {
    target.copy_(source);
    return;
  }
  constexpr std::int64_t kBytesOfAThread = std::int64_t{1} << 20;
  const auto size = static_cast<std::int64_t>(source.nbytes());
  at::parallel_for(
      0, (size + kBytesOfAThread - 1) / kBytesOfAThread, 1, [&](auto first, auto last) {
        const auto begin = first * kBytesOfAThread, end = std::min(size, last * kBytesOfAThread);
        stream_copy(static_cast<char*>(target.mutable_data_ptr()) + begin,
                    static_cast<const char*>(source.const_data_ptr()) + begin,
                    static_cast<std::size_t>(end - begin));
      });
}

std::size_t padded(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

at::Tensor Snapshot::values(const SnapshotPiece& piece) const {
  const auto begin = piece.data - static_cast<const std::byte*>(memory_.const_data_ptr());
  return memory_.narrow(0, begin, static_cast<std::int64_t>(piece.bytes))
      .view(tensors_[piece.tensor].dtype)
      .view(piece.box.extent);
}

void Snapshot::take(const State& state) {
  const at::NoGradGuard no_grad;
  for (const auto& tensor : state.tensors) check_tensor(tensor);
  for (const auto& [name, content] : state.blobs) check_object_name(name);
  std::size_t bytes = 0;
  bool on_gpu = false;
  visit_written_boxes(state, [&](std::size_t, const LocalBox& local) {
    bytes += padded(local.view.nbytes());
    on_gpu = on_gpu || local.view.is_cuda();
  });
  if (!memory_.defined() || memory_.nbytes() < bytes) {
    memory_.reset();
    memory_ = at::empty({static_cast<std::int64_t>(bytes)},
                        at::TensorOptions(at::kByte).pinned_memory(on_gpu));
  }
  tensors_.clear();
  for (const auto& tensor : state.tensors)
    tensors_.push_back({tensor.name, tensor.shape, tensor.dtype});
  pieces_.clear();
  std::size_t offset = 0;
  visit_written_boxes(state, [&](std::size_t tensor, const LocalBox& local) {
    const std::size_t size = local.view.nbytes();
    const auto target =
        memory_.narrow(0, static_cast<std::int64_t>(offset), static_cast<std::int64_t>(size));
    copy_to_host(target.view(tensors_[tensor].dtype).view(local.box.extent), local.view);
    pieces_.push_back(
        {tensor, local.box, static_cast<const std::byte*>(target.const_data_ptr()), size});
    offset += padded(size);
  });
  blobs_ = state.blobs;
}

}  // namespace r1::checkpoint
