#pragma once
// The byte format of a message between ranks. The head is one block with header, type name, tensor
// table and archive; each tensor follows as a block of bytes.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "mpi/serialization.h"

namespace r1::mpi {

/// The description, in the head, of a tensor that follows.
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

/// `origin` names sender and tag in errors. Throws: MpiError if the magic number, the length or the
/// CRC32C is wrong.
MessageHead read_head(const std::string& bytes, const std::string& origin);

/// Throws: MpiError naming origin and tensor number if the CRC32C differs.
void check_tensor(const at::Tensor& tensor, const TensorDescription& description,
                  std::size_t number, const std::string& origin);

}  // namespace r1::mpi
