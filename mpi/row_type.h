#pragma once
// An MPI datatype for one row of a tensor (all dimensions after dim 0), so that counts are rows and
// stay below MPI's 2^31.
#include <mpi.h>

#include <cstdint>
#include <limits>

#include "mpi/check_mpi.h"

namespace r1::mpi {

/// Largest number of elements per MPI call; larger tensors are split.
inline constexpr std::int64_t kMaxCount = std::int64_t{1} << 30;

class RowType {
 public:
  /// `row_bytes` must be in [0, 2^31).
  RowType(std::int64_t row_bytes, const char* label) {
    check_mpi(MPI_Type_contiguous(static_cast<int>(row_bytes), MPI_BYTE, &type_),
              "MPI_Type_contiguous", label);
    check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit", label);
  }
  /// MPI keeps the type until the operations that use the type are complete.
  ~RowType() {
    if (mpi_is_running()) MPI_Type_free(&type_);
  }
  RowType(const RowType&) = delete;
  RowType& operator=(const RowType&) = delete;
  MPI_Datatype get() const { return type_; }

  static bool fits(std::int64_t value) {
    return value >= 0 && value <= std::numeric_limits<int>::max();
  }

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

}  // namespace r1::mpi
