#include "checkpoint/shard_format.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/crc32c.h"
#include "base/errors.h"
#include "base/version.h"
#include "checkpoint/file_dtype.h"

namespace r1::checkpoint {
namespace {

// A blob is configuration text or trainer state; more than this is not ours.
constexpr std::int64_t kMaxBlobBytes = std::int64_t{1} << 30;

std::string blob_path(const std::string& name) {
  return fmt::format("{}/{}", kBlobGroup, name);
}

herr_t add_dataset_name(hid_t, const char* name, const H5O_info_t* info, void* names) {
  if (info->type == H5O_TYPE_DATASET)
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
  return 0;
}

}  // namespace

std::string current_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string shard_name(int rank) {
  return fmt::format("shard-{:05d}.h5", rank);
}

void write_identity(hid_t file, const char* type, const Identity& identity) {
  write_attribute(file, "type", std::string(type));
  write_attribute(file, "format_version", kFormatVersion);
  write_attribute(file, "program_version", std::string(base::kVersion));
  write_attribute(file, "git_sha", std::string(base::kGitSha));
  write_attribute(file, "date", identity.date);
  write_attribute(file, "seed", identity.seed);
  write_attribute(file, "step", identity.step);
}

void check_identity(hid_t file, const char* type, const std::string& path) {
  if (H5Aexists(file, "type") <= 0)
    throw base::InputError(fmt::format("{}: foreign HDF5 file: expected type '{}'", path, type));
  const auto found = read_text_attribute(file, "type", path);
  if (found != type)
    throw base::InputError(
        fmt::format("{}: foreign HDF5 file: type '{}', expected '{}'", path, found, type));
  const auto version = read_integer_attribute(file, "format_version", path);
  if (version != kFormatVersion)
    throw base::InputError(
        fmt::format("{}: format version {}, expected {}", path, version, kFormatVersion));
}

namespace {

std::int64_t sum_of_names(const std::vector<std::string>& files) {
  std::uint32_t crc = 0;
  for (const auto& name : files) crc = base::crc32c(name.c_str(), name.size() + 1, crc);
  return crc;
}

}  // namespace

void write_parts(hid_t index, const std::vector<std::string>& files) {
  write_attribute(index, "num_parts", static_cast<std::int64_t>(files.size()));
  write_attribute(index, "parts_crc32c", sum_of_names(files));
}

void check_parts(hid_t index, const Identity& identity, const std::vector<std::string>& files,
                 const std::string& path) {
  if (H5Aexists(index, "parts_crc32c") <= 0) return;  // written before there were such attributes
  const auto step = read_integer_attribute(index, "step", path);
  if (step != identity.step)
    throw base::InputError(fmt::format("{}: is the index of step {}, the manifest's step is {}",
                                       path, step, identity.step));
  const auto num_parts = read_integer_attribute(index, "num_parts", path);
  if (num_parts != static_cast<std::int64_t>(files.size()) ||
      read_integer_attribute(index, "parts_crc32c", path) != sum_of_names(files))
    throw base::InputError(
        fmt::format("{}: is the index of {} other files than the {} of the manifest", path,
                    num_parts, files.size()));
}

void check_object_name(const std::string& name) {
  R1_CHECK(!name.empty() && name.find('\0') == std::string::npos, "object name '{}'", name);
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    R1_CHECK(!part.empty() && part != "." && part != ".." && (begin > 0 || part != kBlobGroup),
             "object name '{}' cannot be a path in an HDF5 file", name);
    begin = end + 1;
  }
}

void write_blobs(hid_t file, const Blobs& blobs, const std::string& path) {
  const auto links = link_properties();
  const auto properties = dataset_properties();
  for (const auto& [name, content] : blobs) {
    const auto what = fmt::format("{}: blob '{}'", path, name);
    const auto space = make_space({static_cast<std::int64_t>(content.size())});
    const auto dataset = check_handle(H5Dcreate2(file, blob_path(name).c_str(), H5T_STD_U8LE, space,
                                                 links, properties, H5P_DEFAULT),
                                      what);
    write_attribute(dataset, "crc32c",
                    static_cast<std::int64_t>(base::crc32c(content.data(), content.size())));
    check_hdf5(H5Dwrite(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()),
               what);
  }
}

std::string read_blob(hid_t file, const std::string& name, const std::string& path) {
  const auto what = fmt::format("{}: blob '{}'", path, name);
  const hid_t id = H5Dopen2(file, blob_path(name).c_str(), H5P_DEFAULT);
  if (id < 0) throw base::InputError(fmt::format("{}: is not there", what));
  const Hdf5Handle dataset(id);
  const auto shape = dataset_shape(dataset, what);
  if (shape.size() != 1 || shape[0] > kMaxBlobBytes)
    throw base::InputError(
        fmt::format("{}: is not a list of at most {} bytes", what, kMaxBlobBytes));
  std::string content(static_cast<std::size_t>(shape[0]), '\0');
  check_hdf5(H5Dread(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data()),
             what);
  const auto found = base::crc32c(content.data(), content.size());
  const auto expected = read_integer_attribute(dataset, "crc32c", what);
  if (found != expected)
    throw base::InputError(
        fmt::format("{}: damaged: CRC32C {:08x}, expected {:08x}", what, found, expected));
  return content;
}

std::vector<std::string> list_blobs(hid_t file, const std::string& path) {
  std::vector<std::string> names;
  if (H5Lexists(file, kBlobGroup, H5P_DEFAULT) <= 0) return names;
  const auto group = check_handle(H5Gopen2(file, kBlobGroup, H5P_DEFAULT), path);
  check_hdf5(H5Ovisit2(group, H5_INDEX_NAME, H5_ITER_INC, add_dataset_name, &names, H5O_INFO_BASIC),
             path);
  return names;
}

std::vector<std::int64_t> stored_shape(const std::vector<std::int64_t>& shape) {
  return shape.empty() ? std::vector<std::int64_t>{1} : shape;
}

Box stored_box(const Box& box) {
  return box.extent.empty() ? Box{{0}, {1}} : box;
}

void write_tensor_attributes(hid_t dataset, const std::vector<std::int64_t>& shape,
                             at::ScalarType dtype) {
  write_attribute(dataset, "dtype", file_dtype_name(dtype, "dataset"));
  write_attribute(dataset, "ndim", static_cast<std::int64_t>(shape.size()));
}

std::string ShardDescription::to_bytes() const {
  auto tensor_list = nlohmann::json::array();
  for (const auto& tensor : tensors)
    tensor_list.push_back({tensor.name, tensor.shape, static_cast<int>(tensor.dtype)});
  auto entry_list = nlohmann::json::array();
  for (const auto& entry : entries)
    entry_list.push_back({entry.tensor, entry.dataset, entry.box.offset, entry.box.extent});
  const nlohmann::json document{{"name", file.name},
                                {"size", file.size},
                                {"slabs", file.slabs},
                                {"tensors", std::move(tensor_list)},
                                {"entries", std::move(entry_list)}};
  std::string bytes;
  nlohmann::json::to_cbor(document, bytes);
  return bytes;
}

ShardDescription ShardDescription::from_bytes(const std::string& bytes) {
  const auto document = nlohmann::json::from_cbor(bytes);
  ShardDescription description;
  document.at("name").get_to(description.file.name);
  document.at("size").get_to(description.file.size);
  document.at("slabs").get_to(description.file.slabs);
  for (const auto& item : document.at("tensors"))
    description.tensors.push_back(
        {item.at(0), item.at(1), static_cast<at::ScalarType>(item.at(2).get<int>())});
  for (const auto& item : document.at("entries"))
    description.entries.push_back({item.at(0), item.at(1), {item.at(2), item.at(3)}});
  return description;
}

}  // namespace r1::checkpoint
