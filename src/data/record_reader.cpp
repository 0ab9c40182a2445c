#include "data/record_reader.h"

#include <fmt/format.h>

#include "base/errors.h"
#include "base/log.h"
#include "data/arrow_library.h"
#include "data/byte_source.h"
#include "data/dataset_folder.h"

namespace r1::data {
namespace {

std::unique_ptr<RecordFormat> open_format(const std::string& path, const RecordLimits& limits) {
  const std::string magic = first_bytes(path, 6);
  if (is_arrow_table(magic)) return open_arrow_table(path);
  std::string name = path;
  for (const std::string packed : {".gz", ".zst"})
    if (name.ends_with(packed)) name.resize(name.size() - packed.size());
  for (const char* table : {".parquet", ".arrow", ".feather"})
    if (name.ends_with(table))
      throw base::InputError(fmt::format(
          "{}: does not begin as a {} file does{}", path, table + 1,
          name.size() < path.size() ? ": unpack it first, such files are read from both ends"
                                    : ""));
  if (name.ends_with(".json")) return json_values(path, limits);
  auto source = open_bytes(path);
  if (name.ends_with(".csv")) return separated_values(std::move(source), ',', limits);
  if (name.ends_with(".tsv")) return separated_values(std::move(source), '\t', limits);
  return json_lines(std::move(source), limits);
}

/// Calls `read` with errors that name the file.
template <class Read>
auto naming(const std::string& path, const Read& read) {
  try {
    return read();
  } catch (const base::InputError& error) {
    if (std::string_view(error.what()).starts_with(path)) throw;
    throw base::InputError(fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace

RecordReader::RecordReader(const std::string& path, const RecordLimits& limits)
    : limits_(limits),
      files_(is_dataset_folder(path) ? split_files(path) : std::vector<std::string>{path}) {
  format_ = naming(files_[0], [&] { return open_format(files_[0], limits_); });
  opened_ = 1;
}

std::string RecordReader::where() const {
  return fmt::format("{}:{}", files_[opened_ - 1], line_);
}

void RecordReader::refuse(const std::string& reason) {
  const std::string& file = files_[opened_ - 1];
  bad_.push_back({file, line_, reason});
  if (static_cast<std::int64_t>(bad_.size()) <= limits_.bad_lines) return;
  const BadLine& first = bad_.front();
  throw base::InputError(fmt::format("{}: more than {} bad lines; first {}:{}: {}; last {}:{}: {}",
                                     file, limits_.bad_lines, first.file, first.line, first.reason,
                                     file, line_, reason));
}

bool RecordReader::next(nlohmann::json& record) {
  for (std::string reason;;) {
    const std::string& file = files_[opened_ - 1];
    if (naming(file, [&] { return format_->next(record, line_, reason); })) {
      if (reason.empty()) return true;
      refuse(reason);
    } else {
      if (opened_ == files_.size()) return false;
      const std::string& following = files_[opened_];
      format_ = naming(following, [&] { return open_format(following, limits_); });
      ++opened_;
    }
  }
}

std::vector<BadLine> read_records(
    const std::string& path, const RecordLimits& limits,
    const std::function<void(nlohmann::json&& record, const std::string& where)>& use) {
  RecordReader reader(path, limits);
  std::int64_t num_good = 0;
  for (nlohmann::json record; reader.next(record);) {
    const std::string where = reader.where();
    try {
      use(std::move(record), where);
      ++num_good;
    } catch (const base::InputError& error) {
      const std::string what = error.what();
      reader.refuse(what.rfind(where + ": ", 0) == 0 ? what.substr(where.size() + 2) : what);
    }
  }
  const auto& bad = reader.bad_lines();
  if (num_good == 0 && !bad.empty())
    throw base::InputError(
        fmt::format("{}: none of its {} records can be used; the first, {}:{}: {}", path,
                    bad.size(), bad[0].file, bad[0].line, bad[0].reason));
  for (const BadLine& line : bad)
    base::log_warning("{}:{}: line left out: {}", line.file, line.line, line.reason);
  return bad;
}

std::vector<nlohmann::json> read_record_file(const std::string& path, const RecordLimits& limits) {
  std::vector<nlohmann::json> records;
  read_records(path, limits, [&](nlohmann::json&& record, const std::string&) {
    records.push_back(std::move(record));
  });
  return records;
}

nlohmann::json first_record(const std::string& path, std::string& where) {
  RecordReader reader(path);
  nlohmann::json record;
  where.clear();
  if (reader.next(record)) where = reader.where();
  return record;
}

}  // namespace r1::data
