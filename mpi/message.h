#pragma once
// The bytes of a message between ranks: header, type name, tensor table and archive in one block
// (the "head"), then each tensor's bytes in a block of its own.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "mpi/serialization.h"

namespace r1::mpi {

/// What the head says about a tensor that follows.
struct TensorDescription {
  at::ScalarType dtype;
  std::vector<std::int64_t> shape;
  std::uint32_t crc = 0;
};

/// A parsed head.
struct MessageHead {
  std::string type;
  std::string archive;
  std::vector<TensorDescription> tensors;
};

/// The head of a message. `encoded.tensors` must be contiguous and on the CPU.
std::string write_head(const Encoded& encoded);

/// `origin` names sender and tag in errors.
/// Throws: MpiError when the magic number, the length or the CRC32C is wrong.
MessageHead read_head(const std::string& bytes, const std::string& origin);

/// Throws: MpiError naming origin and tensor number when the CRC32C differs.
void check_tensor(const at::Tensor& tensor, const TensorDescription& description,
                  std::size_t number, const std::string& origin);

}  // namespace r1::mpi
