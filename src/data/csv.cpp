#include "data/csv.h"

namespace r1::data {

CsvReader::CsvReader(std::streambuf& source, char separator, std::size_t row_bytes)
    : source_(source), separator_(separator), row_bytes_(row_bytes) {
  if (has(3) && text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

/// Whether `count` more bytes are there; reads ahead for them.
bool CsvReader::has(std::size_t count) {
  constexpr std::streamsize kBlock = 1 << 16;
  while (text_.size() - at_ < count) {
    const std::size_t size = text_.size();
    text_.resize(size + kBlock);
    const std::streamsize n = source_.sgetn(text_.data() + size, kBlock);
    text_.resize(size + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n <= 0) return false;
  }
  return true;
}

bool CsvReader::accept_line_end() {
  if (text_[at_] != '\n' && text_[at_] != '\r') return false;
  at_ += has(2) && text_.compare(at_, 2, "\r\n") == 0 ? 2 : 1;
  ++next_line_;
  return true;
}

/// Up to the closing quote, behind the opening one; false: there is none.
bool CsvReader::read_quoted(std::string& field) {
  while (has(1)) {
    if (at_ > row_bytes_) return false;
    const std::size_t start = at_;
    if (text_[at_] == '"') {
      ++at_;
      if (!has(1) || text_[at_] != '"') return true;
      ++at_;
      field += '"';
    } else if (accept_line_end()) {
      field.append(text_, start, at_ - start);
    } else {
      field += text_[at_++];
    }
  }
  return false;
}

bool CsvReader::next(std::vector<std::string>& fields, bool& open_quote) {
  fields.assign(1, "");
  open_quote = false;
  line_ = next_line_;
  text_.erase(0, at_);
  at_ = 0;
  if (!has(1)) return false;
  for (bool begins = true; has(1);) {
    if (accept_line_end()) return true;
    const char c = text_[at_++];
    if (c == separator_) {
      fields.emplace_back();
      begins = true;
      continue;
    }
    const std::size_t inside = at_;
    if (c == '"' && begins && !read_quoted(fields.back())) {
      open_quote = true;
      at_ = text_.find_first_of("\r\n", inside);
      if (at_ == std::string::npos) at_ = text_.size();
      next_line_ = line_;
      if (has(1)) accept_line_end();
      return true;
    }
    if (c != '"' || !begins) fields.back() += c;
    begins = false;
  }
  return true;
}

}  // namespace r1::data
