#include "data/csv.h"

namespace r1::data {

CsvReader::CsvReader(const std::string& text) : text_(text) {
  if (text.rfind("\xEF\xBB\xBF", 0) == 0) at_ = 3;
}

bool CsvReader::accept_line_end() {
  if (text_[at_] != '\n' && text_[at_] != '\r') return false;
  at_ += text_.compare(at_, 2, "\r\n") == 0 ? 2 : 1;
  ++next_line_;
  return true;
}

/// Up to the closing quote, behind the opening one; false: there is none.
bool CsvReader::read_quoted(std::string& field) {
  while (at_ < text_.size()) {
    const std::size_t start = at_;
    if (text_[at_] == '"') {
      ++at_;
      if (at_ == text_.size() || text_[at_] != '"') return true;
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
  if (at_ >= text_.size()) return false;
  for (bool begins = true; at_ < text_.size();) {
    if (accept_line_end()) return true;
    const char c = text_[at_++];
    if (c == ',') {
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
      if (at_ < text_.size()) accept_line_end();
      return true;
    }
    if (c != '"' || !begins) fields.back() += c;
    begins = false;
  }
  return true;
}

}  // namespace r1::data
