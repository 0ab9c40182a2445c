#pragma once
// Comma-separated values, as Python's csv module and spreadsheets write them.
#include <cstdint>
#include <streambuf>
#include <string>
#include <vector>

namespace r1::data {

/// Reads rows one by one. A field in quotes may hold separators, line ends and doubled quotes; a
/// quote that does not begin its field is a character like others. Lines end in LF, CRLF or CR.
class CsvReader {
 public:
  /// `source` lives longer than the reader. A row of more than `row_bytes` counts as one whose
  /// quote is never closed.
  explicit CsvReader(std::streambuf& source, char separator = ',',
                     std::size_t row_bytes = std::size_t{16} << 20);

  /// The next row; false at the end. `open_quote`: a quote of the row is never closed, and the row
  /// is cut off at the end of its first line.
  bool next(std::vector<std::string>& fields, bool& open_quote);
  /// The line on which the row just read begins, from 1.
  std::int64_t line() const { return line_; }

 private:
  bool has(std::size_t count);
  bool read_quoted(std::string& field);
  bool accept_line_end();

  std::streambuf& source_;
  char separator_;
  std::size_t row_bytes_;
  std::string text_;    // of the row that is read, and what was read ahead
  std::size_t at_ = 0;  // in text_
  std::int64_t line_ = 0;
  std::int64_t next_line_ = 1;
};

}  // namespace r1::data
