#include "checkpoint/index_writer.h"

#include <fmt/ranges.h>

#include <filesystem>
#include <map>

#include "base/errors.h"
#include "checkpoint/box.h"
#include "checkpoint/file_dtype.h"
#include "checkpoint/posix_file.h"

namespace r1::checkpoint {
namespace {

// A mapping's file name, dataset name and two selections; a dataset's header and link.
constexpr std::uint64_t kBytesPerMapping = 768;
constexpr std::uint64_t kBytesPerDataset = 2048;
constexpr std::uint64_t kBytesPerFile = 1 << 20;

struct Mapping {
  const std::string* file;
  const ShardEntry* entry;
};

struct WholeTensor {
  const TensorInfo* info = nullptr;
  std::vector<Mapping> mappings;
};

std::map<std::string, WholeTensor> collect(const std::vector<ShardDescription>& shards) {
  std::map<std::string, WholeTensor> tensors;
  for (const auto& shard : shards) {
    for (const auto& info : shard.tensors) {
      auto& tensor = tensors[info.name];
      if (tensor.info == nullptr) tensor.info = &info;
      R1_CHECK(tensor.info->shape == info.shape && tensor.info->dtype == info.dtype,
               "tensor '{}': ranks disagree: [{}] {} and [{}] {}", info.name,
               fmt::join(tensor.info->shape, ", "), c10::toString(tensor.info->dtype),
               fmt::join(info.shape, ", "), c10::toString(info.dtype));
    }
    for (const auto& entry : shard.entries)
      tensors.at(shard.tensors.at(entry.tensor).name)
          .mappings.push_back({&shard.file.name, &entry});
  }
  return tensors;
}

void check_tiling(const WholeTensor& tensor) {
  std::vector<Box> boxes;
  for (const auto& mapping : tensor.mappings) boxes.push_back(mapping.entry->box);
  const auto problem = tiling_problem(tensor.info->shape, std::move(boxes));
  R1_CHECK(problem.empty(), "tensor '{}': {}", tensor.info->name, problem);
}

void write_virtual_dataset(hid_t file, const WholeTensor& tensor, const std::string& path) {
  const auto& info = *tensor.info;
  const auto what = fmt::format("{}: {}", path, info.name);
  const auto space = make_space(stored_shape(info.shape));
  const auto properties = dataset_properties();
  for (const auto& mapping : tensor.mappings) {
    const auto box = stored_box(mapping.entry->box);
    const auto source = make_space(box.extent);
    select_box(space, box.offset, box.extent);
    check_hdf5(H5Pset_virtual(properties, space, mapping.file->c_str(),
                              mapping.entry->dataset.c_str(), source),
               what);
  }
  check_hdf5(H5Sselect_all(space), what);
  const auto dataset = check_handle(H5Dcreate2(file, info.name.c_str(), file_type(info.dtype),
                                               space, link_properties(), properties, H5P_DEFAULT),
                                    what);
  write_tensor_attributes(dataset, info.shape, info.dtype);
}

void reserve_for(hid_t file, const std::map<std::string, WholeTensor>& tensors, const Blobs& blobs,
                 const std::string& path) {
  std::uint64_t bytes = kBytesPerFile;
  for (const auto& [name, tensor] : tensors)
    bytes += kBytesPerDataset + kBytesPerMapping * tensor.mappings.size();
  for (const auto& [name, content] : blobs) bytes += kBytesPerDataset + content.size();
  void* descriptor = nullptr;
  check_hdf5(H5Fget_vfd_handle(file, H5P_DEFAULT, &descriptor), path);
  reserve_space(*static_cast<int*>(descriptor), bytes, path);
}

}  // namespace

FileRecord write_index(const std::string& folder, const Identity& identity,
                       const std::vector<ShardDescription>& shards, const Blobs& blobs) {
  const auto path = (std::filesystem::path(folder) / kIndexName).string();
  const auto tensors = collect(shards);
  for (const auto& [name, tensor] : tensors) check_tiling(tensor);
  {
    const Hdf5Section section;
    auto file = create_hdf5(path);
    reserve_for(file, tensors, blobs, path);
    write_identity(file, kIndexType, identity);
    std::vector<std::string> files;
    for (const auto& shard : shards)
      if (!shard.file.name.empty()) files.push_back(shard.file.name);
    write_parts(file, files);
    write_blobs(file, blobs, path);
    for (const auto& [name, tensor] : tensors) write_virtual_dataset(file, tensor, path);
    file.close(path + ": cannot close");
  }
  PosixFile written(path, PosixFile::Mode::Update);
  written.truncate(written.size());
  written.sync();
  return sum_file(path);
}

}  // namespace r1::checkpoint
