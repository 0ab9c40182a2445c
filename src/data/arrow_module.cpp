// The module libr1mpi_arrow.so: Parquet and Arrow files by Arrow's C++ library. One thread, Arrow's
// plain memory pool, a batch of rows at a time.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>

#include <cmath>
#include <string_view>

#include "base/errors.h"
#include "data/arrow_library.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;

template <class Value>
Value take(arrow::Result<Value> result) {
  if (!result.ok()) throw base::InputError(result.status().ToString());
  return std::move(result).ValueUnsafe();
}

Json value_at(const arrow::Array& array, std::int64_t row);

/// Rows [first, first + count) of a column as a list.
Json list_of(const arrow::Array& values, std::int64_t first, std::int64_t count) {
  Json list = Json::array();
  for (std::int64_t i = first; i < first + count; ++i) list.push_back(value_at(values, i));
  return list;
}

template <class List>
Json list_at(const arrow::Array& array, std::int64_t row) {
  const auto& list = static_cast<const List&>(array);
  return list_of(*list.values(), list.value_offset(row), list.value_length(row));
}

/// Text in UTF-8; null for other bytes, of a picture say.
template <class Text>
Json bytes_at(const arrow::Array& array, std::int64_t row) {
  const std::string_view bytes = static_cast<const Text&>(array).GetView(row);
  if (find_invalid_utf8(bytes) == std::string::npos && bytes.find('\0') == std::string::npos)
    return std::string(bytes);
  return nullptr;
}

Json struct_at(const arrow::Array& array, std::int64_t row) {
  const auto& fields = static_cast<const arrow::StructArray&>(array);
  Json object = Json::object();
  for (int i = 0; i < fields.num_fields(); ++i)
    object[fields.struct_type()->field(i)->name()] = value_at(*fields.field(i), row);
  return object;
}

/// An object where the keys are text, else a list of [key, value].
Json map_at(const arrow::Array& array, std::int64_t row) {
  const auto& map = static_cast<const arrow::MapArray&>(array);
  const bool is_text = map.keys()->type_id() == arrow::Type::STRING;
  Json out = is_text ? Json::object() : Json::array();
  for (std::int64_t i = map.value_offset(row); i < map.value_offset(row) + map.value_length(row);
       ++i) {
    const Json key = value_at(*map.keys(), i);
    const Json value = value_at(*map.items(), i);
    if (is_text)
      out[key.is_string() ? key.get<std::string>() : std::string()] = value;
    else
      out.push_back({key, value});
  }
  return out;
}

template <class Array>
Json number_at(const arrow::Array& array, std::int64_t row) {
  return static_cast<const Array&>(array).Value(row);
}

Json value_at(const arrow::Array& array, std::int64_t row) {
  if (array.IsNull(row)) return nullptr;
  using Type = arrow::Type;
  switch (array.type_id()) {
    case Type::NA:
      return nullptr;
    case Type::BOOL:
      return number_at<arrow::BooleanArray>(array, row);
    case Type::INT8:
      return number_at<arrow::Int8Array>(array, row);
    case Type::INT16:
      return number_at<arrow::Int16Array>(array, row);
    case Type::INT32:
      return number_at<arrow::Int32Array>(array, row);
    case Type::INT64:
      return number_at<arrow::Int64Array>(array, row);
    case Type::UINT8:
      return number_at<arrow::UInt8Array>(array, row);
    case Type::UINT16:
      return number_at<arrow::UInt16Array>(array, row);
    case Type::UINT32:
      return number_at<arrow::UInt32Array>(array, row);
    case Type::UINT64:
      return number_at<arrow::UInt64Array>(array, row);
    case Type::FLOAT:
      return number_at<arrow::FloatArray>(array, row);
    case Type::DOUBLE:
      return number_at<arrow::DoubleArray>(array, row);
    case Type::STRING:
      return bytes_at<arrow::StringArray>(array, row);
    case Type::LARGE_STRING:
      return bytes_at<arrow::LargeStringArray>(array, row);
    case Type::STRING_VIEW:
      return bytes_at<arrow::StringViewArray>(array, row);
    case Type::BINARY:
      return bytes_at<arrow::BinaryArray>(array, row);
    case Type::LARGE_BINARY:
      return bytes_at<arrow::LargeBinaryArray>(array, row);
    case Type::BINARY_VIEW:
      return bytes_at<arrow::BinaryViewArray>(array, row);
    case Type::FIXED_SIZE_BINARY:
      return bytes_at<arrow::FixedSizeBinaryArray>(array, row);
    case Type::LIST:
      return list_at<arrow::ListArray>(array, row);
    case Type::LARGE_LIST:
      return list_at<arrow::LargeListArray>(array, row);
    case Type::FIXED_SIZE_LIST:
      return list_at<arrow::FixedSizeListArray>(array, row);
    case Type::LIST_VIEW:
      return list_at<arrow::ListViewArray>(array, row);
    case Type::LARGE_LIST_VIEW:
      return list_at<arrow::LargeListViewArray>(array, row);
    case Type::STRUCT:
      return struct_at(array, row);
    case Type::MAP:
      return map_at(array, row);
    case Type::DICTIONARY: {
      const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
      return value_at(*coded.dictionary(), coded.GetValueIndex(row));
    }
    case Type::EXTENSION:
      return value_at(*static_cast<const arrow::ExtensionArray&>(array).storage(), row);
    default:
      return take(array.GetScalar(row))->ToString();  // decimals, dates and times
  }
}

/// Rows of a stream of batches, as records.
class Table final : public RecordFormat {
 public:
  explicit Table(std::shared_ptr<arrow::RecordBatchReader> batches,
                 std::unique_ptr<parquet::arrow::FileReader> owner)
      : owner_(std::move(owner)), batches_(std::move(batches)) {}

  bool next(Json& record, std::int64_t& line, std::string& reason) override {
    while (batch_ == nullptr || row_ == batch_->num_rows()) {
      batch_ = read_batch();
      row_ = 0;
      if (batch_ == nullptr) return false;
    }
    line = ++line_;
    reason.clear();
    record = Json::object();
    for (int i = 0; i < batch_->num_columns(); ++i)
      record[batch_->column_name(i)] = value_at(*batch_->column(i), row_);
    ++row_;
    return true;
  }

 private:
  std::shared_ptr<arrow::RecordBatch> read_batch() {
    try {
      return take(batches_->Next());
    } catch (const parquet::ParquetException& error) {
      throw base::InputError(error.what());
    }
  }

  std::unique_ptr<parquet::arrow::FileReader> owner_;  // of a Parquet file's batches
  std::shared_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t row_ = 0, line_ = 0;
};

std::unique_ptr<Table> open_parquet(std::shared_ptr<arrow::io::RandomAccessFile> file) {
  constexpr std::int64_t kRowsAtOnce = 1024;
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_batch_size(kRowsAtOnce);
  properties.set_pre_buffer(false);
  parquet::arrow::FileReaderBuilder builder;
  if (const auto status = builder.Open(std::move(file)); !status.ok())
    throw base::InputError(status.ToString());
  auto reader =
      take(builder.memory_pool(arrow::system_memory_pool())->properties(properties)->Build());
  std::shared_ptr<arrow::RecordBatchReader> batches = take(reader->GetRecordBatchReader());
  return std::make_unique<Table>(std::move(batches), std::move(reader));
}

/// The batches of Arrow's file form, which has an index at its end.
class IndexedBatches final : public arrow::RecordBatchReader {
 public:
  explicit IndexedBatches(std::shared_ptr<arrow::ipc::RecordBatchFileReader> file)
      : file_(std::move(file)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return file_->schema(); }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    *batch = nullptr;
    if (next_ == file_->num_record_batches()) return arrow::Status::OK();
    return file_->ReadRecordBatch(next_++).Value(batch);
  }

 private:
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
  int next_ = 0;
};

std::unique_ptr<Table> open_table(const std::string& path) {
  const auto file = take(arrow::io::ReadableFile::Open(path, arrow::system_memory_pool()));
  const auto magic = take(file->Read(6))->ToString();
  if (const auto status = file->Seek(0); !status.ok()) throw base::InputError(status.ToString());
  if (magic.starts_with("PAR1")) return open_parquet(file);
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.memory_pool = arrow::system_memory_pool();
  options.use_threads = false;
  if (magic.starts_with("ARROW1"))
    return std::make_unique<Table>(std::make_shared<IndexedBatches>(take(
                                       arrow::ipc::RecordBatchFileReader::Open(file, options))),
                                   nullptr);
  return std::make_unique<Table>(take(arrow::ipc::RecordBatchStreamReader::Open(file, options)),
                                 nullptr);
}

}  // namespace
}  // namespace r1::data

extern "C" r1::data::RecordFormat* r1_open_arrow_table(const std::string& path,
                                                       std::string& error) {
  try {
    return r1::data::open_table(path).release();
  } catch (const std::exception& caught) {
    error = caught.what();
    return nullptr;
  }
}
