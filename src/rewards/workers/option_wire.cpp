#include "rewards/workers/option_wire.h"

namespace r1::rewards::workers {

void OptionPacker::operator()(const char*, std::vector<std::string>& value, const char*) {
  out_.number(static_cast<std::uint64_t>(value.size()));
  for (const auto& item : value) out_.text(item);
}

void OptionPacker::operator()(const char*, std::vector<std::int64_t>& value, const char*) {
  out_.number(static_cast<std::uint64_t>(value.size()));
  for (const auto item : value) out_.number(item);
}

void OptionPacker::operator()(const char*, std::vector<double>& value, const char*) {
  out_.number(static_cast<std::uint64_t>(value.size()));
  for (const auto item : value) out_.number(item);
}

void OptionPacker::operator()(const char* key, base::FieldValues& value, const char* help) {
  out_.number(static_cast<std::uint64_t>(value.size()));
  for (auto& [field, values] : value) {
    out_.text(field);
    (*this)(key, values, help);
  }
}

std::size_t OptionPacker::begin_list(const char*, std::size_t size, const char*) {
  out_.number(static_cast<std::uint64_t>(size));
  return size;
}

void OptionUnpacker::operator()(const char*, std::vector<std::string>& value, const char*) {
  value.resize(size());
  for (auto& item : value) item = in_.text();
}

void OptionUnpacker::operator()(const char*, std::vector<std::int64_t>& value, const char*) {
  value.resize(size());
  for (auto& item : value) item = in_.number<std::int64_t>();
}

void OptionUnpacker::operator()(const char*, std::vector<double>& value, const char*) {
  value.resize(size());
  for (auto& item : value) item = in_.number<double>();
}

void OptionUnpacker::operator()(const char* key, base::FieldValues& value, const char* help) {
  value.clear();
  for (auto left = size(); left > 0; --left) {
    const auto field = in_.text();
    (*this)(key, value[field], help);
  }
}

std::size_t OptionUnpacker::size() {
  constexpr std::uint64_t kMost = 1 << 20;
  const auto size = in_.number<std::uint64_t>();
  if (size > kMost) throw WireError(fmt::format("an option with {} items for a worker", size));
  return static_cast<std::size_t>(size);
}

}  // namespace r1::rewards::workers
