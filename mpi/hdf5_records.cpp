#include "hdf5_records.h"

#include <algorithm>

#include "base/errors.h"
#include "base/log.h"
#include "checkpoint/hdf5_handle.h"
#include "data/text.h"

namespace r1::mpi {
namespace {

using checkpoint::check_handle;
using checkpoint::check_hdf5;
using checkpoint::Hdf5Handle;

std::vector<std::string> dataset_names(hid_t file, const std::string& path) {
  H5G_info_t info;
  check_hdf5(H5Gget_info(file, &info), path);
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const auto size = check_hdf5(
        H5Lget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT),
        path);
    std::string name(static_cast<std::size_t>(size), '\0');
    check_hdf5(H5Lget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(),
                                  name.size() + 1, H5P_DEFAULT),
               path);
    names.push_back(std::move(name));
  }
  return names;
}

std::vector<nlohmann::json> read_texts(hid_t dataset, hid_t type, std::size_t rows,
                                       const std::string& what) {
  std::vector<nlohmann::json> values;
  const Hdf5Handle memory = check_handle(H5Tcopy(H5T_C_S1), what);
  check_hdf5(H5Tset_cset(memory, H5Tget_cset(type)), what);
  if (check_hdf5(H5Tis_variable_str(type), what) > 0) {
    check_hdf5(H5Tset_size(memory, H5T_VARIABLE), what);
    std::vector<char*> texts(rows, nullptr);
    check_hdf5(H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts.data()), what);
    for (char* text : texts) {
      values.emplace_back(text == nullptr ? std::string() : std::string(text));
      H5free_memory(text);
    }
    return values;
  }
  const std::size_t size = H5Tget_size(type);
  check_hdf5(H5Tset_size(memory, size + 1), what);  // the closing zero
  std::vector<char> bytes(rows * (size + 1));
  check_hdf5(H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), what);
  for (std::size_t i = 0; i < rows; ++i)
    values.emplace_back(std::string(bytes.data() + i * (size + 1)));
  return values;
}

template <class Number>
std::vector<nlohmann::json> read_numbers(hid_t dataset, hid_t memory, std::size_t rows,
                                         const std::string& what) {
  std::vector<Number> numbers(rows);
  check_hdf5(H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()), what);
  return {numbers.begin(), numbers.end()};
}

/// The values of a dataset, one a row.
std::vector<nlohmann::json> read_column(hid_t file, const std::string& name,
                                        const std::string& what) {
  const Hdf5Handle dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT));
  if (dataset.id() < 0) throw base::InputError(what + ": expected a dataset");
  const auto shape = checkpoint::dataset_shape(dataset, what);
  if (shape.size() != 1)
    throw base::InputError(fmt::format("{}: expected one dimension, found {}", what, shape.size()));
  const auto rows = static_cast<std::size_t>(shape[0]);
  const Hdf5Handle type = check_handle(H5Dget_type(dataset), what);
  if (rows == 0) return {};
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return read_texts(dataset, type, rows, what);
    case H5T_INTEGER:
      return read_numbers<std::int64_t>(dataset, H5T_NATIVE_INT64, rows, what);
    case H5T_FLOAT:
      return read_numbers<double>(dataset, H5T_NATIVE_DOUBLE, rows, what);
    default:
      throw base::InputError(what + ": expected texts or numbers");
  }
}

/// The first field that is no UTF-8; empty: all are.
std::string bad_field(const nlohmann::json& record) {
  for (const auto& [name, value] : record.items())
    if (value.is_string() &&
        data::find_invalid_utf8(value.get_ref<const std::string&>()) != std::string::npos)
      return name;
  return {};
}

}  // namespace

std::vector<nlohmann::json> read_hdf5_records(const std::string& path,
                                              const data::RecordLimits& limits,
                                              std::vector<data::BadLine>& bad_lines) {
  const checkpoint::Hdf5Section section;
  const Hdf5Handle file = checkpoint::open_hdf5(path);
  std::vector<nlohmann::json> rows;
  std::string first;
  for (const std::string& name : dataset_names(file, path)) {
    const std::string what = path + ":" + name;
    auto column = read_column(file, name, what);
    if (first.empty()) rows.assign(column.size(), nlohmann::json::object());
    if (column.size() != rows.size())
      throw base::InputError(
          fmt::format("{}: {} rows, but {} has {}", what, column.size(), first, rows.size()));
    if (first.empty()) first = name;
    for (std::size_t i = 0; i < column.size(); ++i) rows[i][name] = std::move(column[i]);
  }
  if (first.empty()) throw base::InputError(path + ": no dataset at the root");
  std::vector<nlohmann::json> records;
  std::int64_t bad = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string field = bad_field(rows[i]);
    if (field.empty()) {
      records.push_back(std::move(rows[i]));
      continue;
    }
    bad_lines.push_back({path, static_cast<std::int64_t>(i) + 1, field + ": invalid UTF-8"});
    base::log_warning("{}:{}: row left out: {}", path, i + 1, bad_lines.back().reason);
    if (++bad > limits.bad_lines)
      throw base::InputError(fmt::format("{}: more than {} bad rows; last {}: {}", path,
                                         limits.bad_lines, i + 1, bad_lines.back().reason));
  }
  return records;
}

}  // namespace r1::mpi
