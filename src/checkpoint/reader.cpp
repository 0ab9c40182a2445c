#include "checkpoint/reader.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/errors.h"
#include "checkpoint/box.h"
#include "checkpoint/file_dtype.h"
#include "checkpoint/shard_reader.h"

namespace r1::checkpoint {
namespace {

// Read at a time where a view cannot be filled directly; kept, or it leaves holes in the heap.
constexpr std::int64_t kPieceBytes = std::int64_t{256} << 20;

// Where a box of a tensor lies.
struct Source {
  Box box;  // in the tensor, as stored
  std::string file;
  std::string dataset;
};

std::string text_of(const std::vector<std::int64_t>& shape, at::ScalarType dtype) {
  return fmt::format("[{}] {}", fmt::join(shape, ", "), c10::toString(dtype));
}

template <class GetName>
std::string name_of(const GetName& get_name, const std::string& what) {
  const auto length = check_hdf5(get_name(nullptr, 0), what);
  std::string name(static_cast<std::size_t>(length), '\0');
  check_hdf5(get_name(name.data(), name.size() + 1), what);
  return name;
}

Source read_mapping(hid_t properties, std::size_t index, std::size_t ndim,
                    const std::string& what) {
  const auto space = check_handle(H5Pget_virtual_vspace(properties, index), what);
  std::vector<hsize_t> first(ndim);
  std::vector<hsize_t> last(ndim);
  check_hdf5(H5Sget_select_bounds(space, first.data(), last.data()), what);
  Source source;
  for (std::size_t dim = 0; dim < ndim; ++dim) {
    source.box.offset.push_back(static_cast<std::int64_t>(first[dim]));
    source.box.extent.push_back(static_cast<std::int64_t>(last[dim] - first[dim] + 1));
  }
  source.file = name_of(
      [&](char* out, std::size_t n) { return H5Pget_virtual_filename(properties, index, out, n); },
      what);
  source.dataset = name_of(
      [&](char* out, std::size_t n) { return H5Pget_virtual_dsetname(properties, index, out, n); },
      what);
  return source;
}

std::vector<Source> read_sources(hid_t index, const std::string& name, const std::string& path) {
  const auto what = fmt::format("{}: {}", path, name);
  const auto dataset = check_handle(H5Dopen2(index, name.c_str(), H5P_DEFAULT), what);
  const auto properties = check_handle(H5Dget_create_plist(dataset), what);
  if (H5Pget_layout(properties) != H5D_VIRTUAL)
    throw base::InputError(fmt::format("{}: is not a virtual dataset", what));
  std::size_t count = 0;
  check_hdf5(H5Pget_virtual_count(properties, &count), what);
  const auto ndim = dataset_shape(dataset, what).size();
  std::vector<Source> sources;
  for (std::size_t i = 0; i < count; ++i)
    sources.push_back(read_mapping(properties, i, ndim, what));
  return sources;
}

herr_t add_tensor_name(hid_t, const char* name, const H5O_info_t* info, void* names) {
  const std::string text = name;
  if (info->type == H5O_TYPE_DATASET && text.rfind(fmt::format("{}/", kBlobGroup), 0) != 0)
    static_cast<std::vector<std::string>*>(names)->push_back(text);
  return 0;
}

TensorInfo read_info(hid_t index, const std::string& name, const std::string& path) {
  const auto what = fmt::format("{}: {}", path, name);
  const auto dataset = check_handle(H5Dopen2(index, name.c_str(), H5P_DEFAULT), what);
  TensorInfo info{name, dataset_shape(dataset, what),
                  parse_file_dtype(read_text_attribute(dataset, "dtype", what), what)};
  if (read_integer_attribute(dataset, "ndim", what) == 0) info.shape.clear();
  return info;
}

std::vector<std::string> shard_names(const Manifest& manifest) {
  std::vector<std::string> names;
  for (const auto& record : manifest.files)
    if (record.name != kIndexName) names.push_back(record.name);
  return names;
}

void check_file_identity(const std::string& folder, const Manifest& manifest,
                         const FileRecord& record) {
  const auto path = (std::filesystem::path(folder) / record.name).string();
  const Hdf5Section section;
  const auto file = open_hdf5(path);
  const bool is_index = record.name == kIndexName;
  check_identity(file, is_index ? kIndexType : kShardType, path);
  if (is_index) check_parts(file, manifest.identity, shard_names(manifest), path);
}

}  // namespace

void verify_checkpoint(const std::string& folder, int part, int parts) {
  const auto manifest = Manifest::read(folder);
  for (const auto& record : manifest.files) check_size(folder, record);
  for (std::size_t i = 0; i < manifest.files.size(); ++i) {
    if (static_cast<int>(i % static_cast<std::size_t>(parts)) != part) continue;
    verify_file(folder, manifest.files[i]);
    check_file_identity(folder, manifest, manifest.files[i]);
  }
}

struct CheckpointReader::State {
  std::string folder;
  std::string index_path;
  Manifest manifest;
  Hdf5Handle index;
  std::map<std::string, TensorInfo> tensors;
  std::map<std::string, std::vector<Source>> sources;  // filled as tensors are read
  std::map<std::string, ShardReader> shards;
  ReadCounts counts;
  at::Tensor piece;                                            // uint8
  std::map<std::string, std::vector<ShardPart>> direct_parts;  // by file: read into their views

  void open();
  at::Tensor piece_of(const std::vector<std::int64_t>& extent, at::ScalarType dtype);
  ShardReader& shard(const std::string& name);
  const std::vector<Source>& sources_of(const std::string& name);
  const TensorInfo& info(const std::string& name) const;
  void read_part(const Source& source, const Box& part, const at::Tensor& view,
                 at::ScalarType dtype);
  void read_direct_parts();
};

void CheckpointReader::State::open() {
  const auto& record = *manifest.find(kIndexName);
  verify_file(folder, record);
  counts.bytes_verified += static_cast<std::int64_t>(record.size);
  const Hdf5Section section;
  index = open_hdf5(index_path);
  check_identity(index, kIndexType, index_path);
  check_parts(index, manifest.identity, shard_names(manifest), index_path);
  std::vector<std::string> names;
  check_hdf5(H5Ovisit2(index, H5_INDEX_NAME, H5_ITER_INC, add_tensor_name, &names, H5O_INFO_BASIC),
             index_path);
  for (const auto& name : names) tensors.emplace(name, read_info(index, name, index_path));
}

ShardReader& CheckpointReader::State::shard(const std::string& name) {
  const auto found = shards.find(name);
  if (found != shards.end()) return found->second;
  const auto* record = manifest.find(name);
  if (record == nullptr)
    throw base::InputError(fmt::format("{}: file '{}' is not in the manifest", index_path, name));
  return shards.try_emplace(name, folder, *record, counts).first->second;
}

const std::vector<Source>& CheckpointReader::State::sources_of(const std::string& name) {
  const auto found = sources.find(name);
  if (found != sources.end()) return found->second;
  const Hdf5Section section;
  return sources.emplace(name, read_sources(index, name, index_path)).first->second;
}

const TensorInfo& CheckpointReader::State::info(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end())
    throw base::InputError(fmt::format("{}: tensor '{}' is not there", folder, name));
  return found->second;
}

at::Tensor CheckpointReader::State::piece_of(const std::vector<std::int64_t>& extent,
                                             at::ScalarType dtype) {
  const auto bytes = volume(extent) * static_cast<std::int64_t>(c10::elementSize(dtype));
  if (!piece.defined() || piece.numel() < bytes) piece = at::empty({bytes}, at::kByte);
  return piece.narrow(0, 0, bytes).view(dtype).view(extent);
}

/// A part that can be read into its view waits for read_direct_parts().
void CheckpointReader::State::read_part(const Source& source, const Box& part,
                                        const at::Tensor& view, at::ScalarType dtype) {
  if (view.is_contiguous() && view.scalar_type() == dtype && view.is_cpu()) {
    direct_parts[source.file].push_back({source.dataset,
                                         source.box.extent,
                                         {relative_offset(part, source.box), part.extent},
                                         view});
    return;
  }
  auto& file = shard(source.file);
  const auto row_bytes = volume(part.extent) / part.extent[0] * c10::elementSize(dtype);
  const auto step = std::max<std::int64_t>(1, kPieceBytes / static_cast<std::int64_t>(row_bytes));
  for (std::int64_t row = 0; row < part.extent[0]; row += step) {
    Box piece{relative_offset(part, source.box), part.extent};
    piece.offset[0] += row;
    piece.extent[0] = std::min(step, part.extent[0] - row);
    const auto memory = piece_of(piece.extent, dtype);
    file.read({source.dataset, source.box.extent, piece, memory});
    view.narrow(0, row, piece.extent[0]).copy_(memory);
  }
}

void CheckpointReader::State::read_direct_parts() {
  for (const auto& [file, parts] : std::exchange(direct_parts, {})) shard(file).read(parts);
}

CheckpointReader::CheckpointReader(std::string folder, Verify verify)
    : state_(std::make_unique<State>()) {
  state_->folder = std::move(folder);
  state_->index_path = (std::filesystem::path(state_->folder) / kIndexName).string();
  state_->manifest = Manifest::read(state_->folder);
  for (const auto& record : state_->manifest.files) check_size(state_->folder, record);
  if (verify == Verify::Everything) verify_checkpoint(state_->folder);
  state_->open();
}

CheckpointReader::~CheckpointReader() = default;
CheckpointReader::CheckpointReader(CheckpointReader&&) noexcept = default;

const Manifest& CheckpointReader::manifest() const {
  return state_->manifest;
}

const std::map<std::string, TensorInfo>& CheckpointReader::tensors() const {
  return state_->tensors;
}

void CheckpointReader::read(const std::string& name, const Box& box, const at::Tensor& view,
                            bool allow_cast) {
  state_->direct_parts.clear();  // of a call that failed
  collect(name, box, view, allow_cast);
  state_->read_direct_parts();
}

/// Reads what cannot be read directly, and remembers the other parts.
void CheckpointReader::collect(const std::string& name, const Box& box, const at::Tensor& view,
                               bool allow_cast) {
  const at::NoGradGuard no_grad;
  const auto& info = state_->info(name);
  if (view.sizes() != box.extent || (view.scalar_type() != info.dtype && !allow_cast))
    throw base::InputError(fmt::format("{}: tensor '{}': expected a box {} of {}, found a view {}",
                                       state_->folder, name, to_string(box),
                                       c10::toString(info.dtype),
                                       text_of(view.sizes().vec(), view.scalar_type())));
  if (volume(box.extent) == 0) return;
  const auto wanted = stored_box(box);
  const auto target = view.dim() == 0 ? view.view({1}) : view;
  std::int64_t found = 0;
  for (const auto& source : state_->sources_of(name)) {
    const auto common = intersect(wanted, source.box);
    if (!common) continue;
    auto part = target;
    const auto offset = relative_offset(*common, wanted);
    for (std::size_t dim = 0; dim < offset.size(); ++dim)
      part = part.narrow(static_cast<std::int64_t>(dim), offset[dim], common->extent[dim]);
    state_->read_part(source, *common, part, info.dtype);
    found += volume(common->extent);
  }
  if (found != volume(box.extent))
    throw base::InputError(fmt::format("{}: tensor '{}': {} of the {} elements of box {} are there",
                                       state_->folder, name, found, volume(box.extent),
                                       to_string(box)));
}

at::Tensor CheckpointReader::read(const std::string& name) {
  const auto& info = state_->info(name);
  auto tensor = at::empty(info.shape, info.dtype);
  read(name, {std::vector<std::int64_t>(info.shape.size(), 0), info.shape}, tensor);
  return tensor;
}

LoadReport CheckpointReader::load(std::span<const ShardedTensor> tensors,
                                  const LoadOptions& options) {
  LoadReport report;
  std::set<std::string> asked;
  std::vector<std::string> problems;
  for (const auto& tensor : tensors) {
    asked.insert(tensor.name);
    const auto found = state_->tensors.find(tensor.name);
    if (found == state_->tensors.end()) {
      report.missing.push_back(tensor.name);
      if (!options.allow_missing)
        problems.push_back(fmt::format("tensor '{}': expected {}, is not there", tensor.name,
                                       text_of(tensor.shape, tensor.dtype)));
    } else if (found->second.shape != tensor.shape ||
               (found->second.dtype != tensor.dtype && !options.allow_cast)) {
      problems.push_back(fmt::format("tensor '{}': expected {}, found {}", tensor.name,
                                     text_of(tensor.shape, tensor.dtype),
                                     text_of(found->second.shape, found->second.dtype)));
    }
  }
  if (!problems.empty())
    throw base::InputError(fmt::format("{}: {}", state_->folder, fmt::join(problems, "; ")));
  state_->direct_parts.clear();
  for (const auto& tensor : tensors)
    if (state_->tensors.count(tensor.name) != 0)
      for (const auto& local : tensor.boxes)
        collect(tensor.name, local.box, local.view, options.allow_cast);
  state_->read_direct_parts();
  for (const auto& [name, info] : state_->tensors)
    if (asked.count(name) == 0) report.unknown.push_back(name);
  return report;
}

std::vector<std::string> CheckpointReader::blob_names() const {
  const Hdf5Section section;
  return list_blobs(state_->index, state_->index_path);
}

std::string CheckpointReader::blob(const std::string& name) const {
  const Hdf5Section section;
  return read_blob(state_->index, name, state_->index_path);
}

std::int64_t CheckpointReader::bytes_read() const {
  return state_->counts.bytes_read;
}

std::int64_t CheckpointReader::bytes_verified() const {
  return state_->counts.bytes_verified;
}

}  // namespace r1::checkpoint
