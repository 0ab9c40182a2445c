#include "mpi/nccl_library.h"

#ifdef R1_HAVE_NCCL
#include <dlfcn.h>
#include <nccl.h>

#include <cstdlib>
#include <cstring>
#endif

namespace r1::mpi {

#ifdef R1_HAVE_NCCL
namespace {

static_assert(sizeof(NcclId) == sizeof(ncclUniqueId));

template <class Function>
void find(const char* name, Function*& function) {
  // LibTorch's CUDA part was loaded with RTLD_GLOBAL, and what it needs with it.
  function = reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
  if (function == nullptr)
    throw NcclError(fmt::format(
        "{} is not found: LibTorch's CUDA part is not loaded, or was built without NCCL", name));
}

ncclDataType_t type_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return ncclFloat64;
    case at::kFloat:
      return ncclFloat32;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kInt:
      return ncclInt32;
    case at::kLong:
      return ncclInt64;
    case at::kByte:
      return ncclUint8;
    default:
      return ncclNumTypes;  // NCCL answers: invalid argument
  }
}

ncclRedOp_t op_of(parallel::ReduceOp op) {
  switch (op) {
    case parallel::ReduceOp::Sum:
      return ncclSum;
    case parallel::ReduceOp::Max:
      return ncclMax;
    case parallel::ReduceOp::Min:
      return ncclMin;
  }
  return ncclNumOps;
}

cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

class LoadedLibrary final : public NcclLibrary {
 public:
  LoadedLibrary() {
    ::setenv("NCCL_NVLS_ENABLE", "0", 0);
    ::setenv("NCCL_LAUNCH_ORDER_IMPLICIT", "1", 0);
    find("ncclGetUniqueId", get_unique_id_);
    find("ncclCommInitRank", comm_init_rank_);
    find("ncclCommDestroy", comm_destroy_);
    find("ncclCommAbort", comm_abort_);
    find("ncclCommGetAsyncError", comm_get_async_error_);
    find("ncclGetErrorString", get_error_string_);
    find("ncclGetLastError", get_last_error_);
    find("ncclAllReduce", all_reduce_);
    find("ncclReduceScatter", reduce_scatter_);
    find("ncclAllGather", all_gather_);
    find("ncclBroadcast", broadcast_);
    find("ncclSend", send_);
    find("ncclRecv", recv_);
    find("ncclGroupStart", group_start_);
    find("ncclGroupEnd", group_end_);
    find("cudaStreamIsCapturing", stream_is_capturing_);
    find("cudaThreadExchangeStreamCaptureMode", exchange_capture_mode_);
    find("cudaDeviceGetPCIBusId", device_get_pci_bus_id_);
  }

  int make_id(NcclId& id) const override {
    ncclUniqueId unique;
    const int code = get_unique_id_(&unique);
    std::memcpy(id.data(), unique.internal, id.size());
    return code;
  }
  int init(ncclComm*& comm, int size, const NcclId& id, int rank) const override {
    ncclUniqueId unique;
    std::memcpy(unique.internal, id.data(), id.size());
    return comm_init_rank_(&comm, size, unique, rank);
  }
  int destroy(ncclComm* comm) const override { return comm_destroy_(comm); }
  int abort(ncclComm* comm) const override { return comm_abort_(comm); }
  int async_error(ncclComm* comm) const override {
    ncclResult_t state = ncclSuccess;
    const int code = comm_get_async_error_(comm, &state);
    if (code != ncclSuccess) return code;
    return state == ncclInProgress ? ncclSuccess : state;
  }
  std::string describe(int code, ncclComm* comm) const override {
    const char* last = get_last_error_(comm);
    const std::string text = get_error_string_(static_cast<ncclResult_t>(code));
    return last != nullptr && *last != '\0' ? text + ": " + last : text;
  }

  int all_reduce(const void* input, void* output, std::size_t count, at::ScalarType dtype,
                 parallel::ReduceOp op, ncclComm* comm, void* stream) const override {
    return all_reduce_(input, output, count, type_of(dtype), op_of(op), comm, stream_of(stream));
  }
  int reduce_scatter(const void* input, void* output, std::size_t count, at::ScalarType dtype,
                     parallel::ReduceOp op, ncclComm* comm, void* stream) const override {
    return reduce_scatter_(input, output, count, type_of(dtype), op_of(op), comm,
                           stream_of(stream));
  }
  int all_gather(const void* input, void* output, std::size_t bytes, ncclComm* comm,
                 void* stream) const override {
    return all_gather_(input, output, bytes, ncclUint8, comm, stream_of(stream));
  }
  int broadcast(void* data, std::size_t bytes, int root, ncclComm* comm,
                void* stream) const override {
    return broadcast_(data, data, bytes, ncclUint8, root, comm, stream_of(stream));
  }
  int send(const void* data, std::size_t bytes, int peer, ncclComm* comm,
           void* stream) const override {
    return send_(data, bytes, ncclUint8, peer, comm, stream_of(stream));
  }
  int receive(void* data, std::size_t bytes, int peer, ncclComm* comm,
              void* stream) const override {
    return recv_(data, bytes, ncclUint8, peer, comm, stream_of(stream));
  }
  int group_start() const override { return group_start_(); }
  int group_end() const override { return group_end_(); }

  bool is_capturing(void* stream) const override {
    auto status = cudaStreamCaptureStatusNone;
    return stream_is_capturing_(stream_of(stream), &status) == cudaSuccess &&
           status != cudaStreamCaptureStatusNone;
  }
  void allow_queries_in_captures() const override {
    auto mode = cudaStreamCaptureModeRelaxed;
    exchange_capture_mode_(&mode);
  }
  std::string bus_id(int index) const override {
    char text[32] = {};
    if (const auto code = device_get_pci_bus_id_(text, sizeof text, index); code != cudaSuccess)
      throw NcclError(fmt::format("cudaDeviceGetPCIBusId of device {} failed: CUDA error {}", index,
                                  static_cast<int>(code)));
    return text;
  }

 private:
  decltype(ncclGetUniqueId)* get_unique_id_;
  decltype(ncclCommInitRank)* comm_init_rank_;
  decltype(ncclCommDestroy)* comm_destroy_;
  decltype(ncclCommAbort)* comm_abort_;
  decltype(ncclCommGetAsyncError)* comm_get_async_error_;
  decltype(ncclGetErrorString)* get_error_string_;
  decltype(ncclGetLastError)* get_last_error_;
  decltype(ncclAllReduce)* all_reduce_;
  decltype(ncclReduceScatter)* reduce_scatter_;
  decltype(ncclAllGather)* all_gather_;
  decltype(ncclBroadcast)* broadcast_;
  decltype(ncclSend)* send_;
  decltype(ncclRecv)* recv_;
  decltype(ncclGroupStart)* group_start_;
  decltype(ncclGroupEnd)* group_end_;
  cudaError_t (*stream_is_capturing_)(cudaStream_t, cudaStreamCaptureStatus*);
  cudaError_t (*exchange_capture_mode_)(cudaStreamCaptureMode*);
  cudaError_t (*device_get_pci_bus_id_)(char*, int, int);
};

}  // namespace

bool NcclLibrary::is_built() {
  return true;
}

const NcclLibrary& NcclLibrary::instance() {
  static const LoadedLibrary library;
  return library;
}

#else

bool NcclLibrary::is_built() {
  return false;
}

const NcclLibrary& NcclLibrary::instance() {
  throw base::ConfigError("this program was built without NCCL");
}

#endif

}  // namespace r1::mpi
